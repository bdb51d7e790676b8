import { report } from '../diagnostics.js'
import { DyadError, isDyadError, reasonOf } from '../errors.js'
import type { NodeEntry } from '../kvs/node-entry.js'
import type { FileRecord } from '../kvs/record.js'
import type { Attempt } from './attempt.js'
import type { Transfer, Transport } from './contract.js'
import type { Nodes } from './nodes.js'
import { obstacleTo } from './obstacle.js'

/** What reaching an owner needs to know of its session. */
export interface ReachContext {
  readonly nodes: Nodes
  /** What this side can use, best first. */
  readonly transports: readonly Transport[]
  /** 'auto', or the name of the one transport to use. */
  readonly mode: string
}

/** A better transport that is not used. */
interface PassedOver {
  readonly transport: string
  /** A clause, or what it failed with. */
  readonly why: unknown
}

/**
 * Begins a transfer of the record's file from byte `start` on, over the best transport that the owner offers and this side can use.
 * Waits up to `patienceMs` for the owner to be registered. ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_NO_TRANSPORT, and the errors of Transport.fetch.
 */
export async function reach(
  record: FileRecord,
  start: number,
  patienceMs: number,
  context: ReachContext,
  attempt: Attempt,
): Promise<Transfer> {
  const owner = await context.nodes.find(record, patienceMs, attempt.signal)
  if (!owner.directories.includes(record.storage)) {
    context.nodes.forget(record.owner)
    throw new DyadError('ERR_DYAD_REFUSED', {
      path: record.path,
      node: record.owner,
      detail: `its service serves ${owner.directories.join(', ') || 'no directory'}, not ${record.storage}`,
    })
  }
  let failure: unknown
  const passedOver: PassedOver[] = []
  for await (const { transport, address } of candidates(owner, record.storage, context, passedOver)) {
    report('dyad.transfer.started', () => {
      const reason = reasonFor(context.mode, passedOver)
      return { record, node: record.owner, transport: transport.name, reason, start }
    })
    try {
      const request = { ...record, start, end: record.size }
      return await attempt.await(transport.fetch(address, request, { signal: attempt.signal }))
    } catch (error) {
      // What is wrong with the file is wrong over every transport; what is wrong with the way may be right over the next.
      if (attempt.signal.aborted || isDyadError(error, 'ERR_DYAD_CHANGED') || isDyadError(error, 'ERR_DYAD_GONE'))
        throw error
      failure = error
      passedOver.push({ transport: transport.name, why: error })
    }
  }
  context.nodes.forget(record.owner)
  throw failure ?? noTransport(record, owner, context, passedOver)
}

/** The transports to try, one after the other; what keeps one from being tried is added to `passedOver`. */
async function* candidates(
  owner: NodeEntry,
  storage: string,
  { transports, mode }: ReachContext,
  passedOver: PassedOver[],
) {
  for (const transport of transports) {
    if (mode !== 'auto' && transport.name !== mode) continue
    const address = owner.transports.find(({ name }) => name === transport.name)?.address
    const why = await obstacleTo(transport, address, storage)
    if (address === undefined || why !== undefined) passedOver.push({ transport: transport.name, why })
    else yield { transport, address }
  }
}

function reasonFor(mode: string, passedOver: readonly PassedOver[]): string {
  if (mode !== 'auto') return `DYAD_DTL_MODE is ${mode}`
  return ['the best that both sides have', ...passedOver.map(clause)].join('; ')
}

function clause({ transport, why }: PassedOver): string {
  return `not ${transport}: ${reasonOf(why)}`
}

function noTransport(
  record: FileRecord,
  owner: NodeEntry,
  { transports, mode }: ReachContext,
  passedOver: readonly PassedOver[],
): DyadError {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(', ') || 'none'
  const here = mode === 'auto' ? names(transports) : `${mode} alone, of ${names(transports)}`
  return new DyadError('ERR_DYAD_NO_TRANSPORT', {
    path: record.path,
    node: record.owner,
    detail: [
      `the owner offers ${names(owner.transports)}`,
      `this side may use ${here}`,
      ...passedOver.map(clause),
    ].join('; '),
  })
}
