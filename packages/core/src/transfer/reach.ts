import { report } from '../diagnostics.js'
import { DyadError, isDyadError } from '../errors.js'
import type { NodeEntry } from '../kvs/node-entry.js'
import type { FileRecord } from '../kvs/record.js'
import type { Attempt } from './attempt.js'
import type { Transfer, Transport } from './contract.js'
import type { Nodes } from './nodes.js'

/** What reaching an owner needs to know of its session. */
export interface ReachContext {
  readonly nodes: Nodes
  /** What this side can use, best first. */
  readonly transports: readonly Transport[]
  /** 'auto', or the name of the one transport to use. */
  readonly mode: string
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
  for await (const { transport, address, reason } of candidates(owner, record.storage, context)) {
    report('dyad.transfer.started', { record, node: record.owner, transport: transport.name, reason, start })
    try {
      const request = { ...record, start, end: record.size }
      return await attempt.await(transport.fetch(address, request, { signal: attempt.signal }))
    } catch (error) {
      // What is wrong with the file is wrong over every transport; what is wrong with the way may be right over the next.
      if (attempt.signal.aborted || isDyadError(error, 'ERR_DYAD_CHANGED') || isDyadError(error, 'ERR_DYAD_GONE'))
        throw error
      failure = error
    }
  }
  context.nodes.forget(record.owner)
  throw failure ?? noTransport(record, owner, context)
}

async function* candidates(owner: NodeEntry, storage: string, { transports, mode }: ReachContext) {
  for (const transport of transports) {
    if (mode !== 'auto' && transport.name !== mode) continue
    const offer = owner.transports.find(({ name }) => name === transport.name)
    if (offer === undefined || !(await transport.reaches(offer.address, storage))) continue
    const reason = mode === 'auto' ? 'the best that both sides have' : `DYAD_DTL_MODE is ${mode}`
    yield { transport, address: offer.address, reason }
  }
}

function noTransport(record: FileRecord, owner: NodeEntry, { transports, mode }: ReachContext): DyadError {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(', ') || 'none'
  const here = mode === 'auto' ? names(transports) : `${mode} alone, of ${names(transports)}`
  return new DyadError('ERR_DYAD_NO_TRANSPORT', {
    path: record.path,
    node: record.owner,
    detail: `the owner offers ${names(owner.transports)}; this side may use ${here}`,
  })
}
