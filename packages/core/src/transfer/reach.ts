import { report } from '../diagnostics.js'
import { DyadError, isDyadError, reasonOf } from '../errors.js'
import type { NodeEntry } from '../kvs/node-entry.js'
import type { FileRecord } from '../kvs/record.js'
import type { Attempt } from './attempt.js'
import type { Transfer, Transport, TransportAddress } from './contract.js'
import type { Nodes } from './nodes.js'
import { obstacleTo } from './obstacle.js'
import type { Ways } from './ways.js'

/** The part of a session that reaching an owner uses. */
export interface ReachContext {
  readonly nodes: Nodes
  /** The transports of this side, best first. */
  readonly transports: readonly Transport[]
  /** 'auto', or the name of the one transport to use. */
  readonly mode: string
}

/** A better transport that is not used. */
interface PassedOver {
  readonly transport: string
  /** A clause, or the error that it failed with. */
  readonly why: unknown
}

/**
 * Begins a transfer of the record's file from byte `start` on, over the best transport that the
 * owner offers and this side can use; a transport that has failed this file before comes last.
 * Waits up to `patienceMs` for the owner to be registered, with 0 not at all.
 * ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_NO_TRANSPORT, and the errors of Transport.fetch.
 */
export async function reach(
  record: FileRecord,
  start: number,
  patienceMs: number,
  context: ReachContext,
  attempt: Attempt,
  ways: Ways,
): Promise<Transfer> {
  const owner = await context.nodes.find(record, patienceMs, attempt.signal)
  try {
    return await reachAt(owner, record, start, context, attempt, ways)
  } catch (error) {
    if (!isDyadError(error, 'ERR_DYAD_NO_TRANSPORT')) throw error
    // Another service may have taken the place of the registered one.
    const now = await context.nodes.find(record, patienceMs, attempt.signal)
    if (offersOf(now) === offersOf(owner)) throw error
    return await reachAt(now, record, start, context, attempt, ways)
  }
}

async function reachAt(
  owner: NodeEntry,
  record: FileRecord,
  start: number,
  context: ReachContext,
  attempt: Attempt,
  ways: Ways,
): Promise<Transfer> {
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
  for await (const { transport, address } of candidates(owner, record, context, ways, passedOver)) {
    report('dyad.transfer.started', () => {
      const reason = reasonFor(
        context.mode,
        passedOver.filter((way) => way.transport !== transport.name),
      )
      return { record, node: record.owner, transport: transport.name, reason, start }
    })
    ways.begin(record.owner, transport.name, address)
    try {
      const request = { ...record, start, end: record.size }
      return await attempt.await(transport.fetch(address, request, { signal: attempt.signal }))
    } catch (error) {
      // A fault of the file is the same over every transport. After a fault of the way, the next
      // transport may work.
      if (attempt.signal.aborted || isDyadError(error, 'ERR_DYAD_CHANGED') || isDyadError(error, 'ERR_DYAD_GONE'))
        throw error
      ways.failed(error)
      failure = error
      passedOver.push({ transport: transport.name, why: error })
    }
  }
  context.nodes.forget(record.owner)
  throw failure ?? noTransport(record, owner, context, passedOver)
}

/**
 * The transports to try, one after the other: the best first, those that have failed this file
 * last. Adds to `passedOver` why it does not try a transport, or not yet.
 */
async function* candidates(
  owner: NodeEntry,
  record: FileRecord,
  { transports, mode }: ReachContext,
  ways: Ways,
  passedOver: PassedOver[],
) {
  const later: { transport: Transport; address: TransportAddress; setbacks: number }[] = []
  for (const transport of transports) {
    if (mode !== 'auto' && transport.name !== mode) continue
    const offers = owner.transports.filter(({ name }) => name === transport.name)
    if (offers.length === 0) {
      passedOver.push({ transport: transport.name, why: await obstacleTo(transport, undefined, record.storage) })
    }
    for (const { address } of offers) {
      const why = await obstacleTo(transport, address, record.storage)
      const setback = ways.setbackOf(record.owner, transport.name, address)
      if (why !== undefined) passedOver.push({ transport: transport.name, why })
      else if (setback === undefined) yield { transport, address }
      else {
        passedOver.push({ transport: transport.name, why: setback.why })
        later.push({ transport, address, setbacks: setback.count })
      }
    }
  }
  // A stable sort: of two that have failed as often the better one comes first.
  yield* later.sort((a, b) => a.setbacks - b.setbacks)
}

function offersOf({ transports }: NodeEntry): string {
  return JSON.stringify(transports)
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
