import { report } from '../diagnostics.js'
import { DyadError, isDyadError, reasonOf, withContext } from '../errors.js'
import { isShortage } from '../files/descriptors.js'
import type { FileRecord } from '../kvs/record.js'
import { Attempt } from './attempt.js'
import type { Transfer } from './contract.js'
import { LeastRate } from './least-rate.js'
import { Patience } from './patience.js'
import { type ReachContext, reach } from './reach.js'
import { Ways } from './ways.js'

/**
 * How long a transfer waits for an owner that is not registered, before it looks for copies again,
 * in ms.
 */
const COPIES_AGAIN_MS = 1_000

/** Where the bytes of a file go. */
export interface Destination {
  /**
   * Takes the whole file over a transfer that need not pass the bytes through this process, or
   * declines. Resolves with the number of bytes that moved.
   */
  takeWhole(transfer: Transfer): Promise<number | undefined>
  /**
   * Takes the bytes over a transfer that puts them in place by itself, or declines. Yields how many
   * more have arrived.
   */
  receive(transfer: Transfer): AsyncIterable<number> | undefined
  /** Takes the next bytes; they are the caller's again when it resolves, or returns. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Forgets every byte that it took, for `why`: the file comes anew from its beginning. */
  beginAnew(why: DyadError): Promise<void>
}

/** The nodes that may serve a file, one after the other. */
export interface Sources {
  /**
   * Resolves with the record as the next node to ask has it: the owner's own, or that of a copy
   * elsewhere.
   */
  source(signal: AbortSignal): Promise<FileRecord>
  /** Notes that this node did not serve the file. */
  failed(source: FileRecord): void
}

/** The part of a session that pulling a file uses. */
export interface PullContext extends ReachContext {
  /** Milliseconds to go on trying without progress. */
  readonly ownerTimeout: number
  /** Milliseconds that a transfer may stand still. */
  readonly progressTimeout: number
  /** Bytes a second that count as progress; 0 counts any. */
  readonly leastRate: number
  /**
   * Resolves when this transfer may go on, where others have the right of way; rejects with the
   * signal's reason.
   */
  readonly giveWay?: ((path: string, signal: AbortSignal) => Promise<void>) | undefined
}

/**
 * Brings the bytes of the record's file from its owner, or from one of `sources`, into
 * `destination`, over as many transfers as it takes. The next transfer goes on where the last one
 * stopped, over a transport that has not failed this file if there is one. Resolves with the number
 * of bytes that moved. Gives up with ERR_DYAD_OWNER_UNREACHABLE after `ownerTimeout` without
 * progress; ERR_DYAD_CHANGED and ERR_DYAD_GONE are final if the owner says so. It fetches bytes
 * anew that do not fit the digest of the record: once from the owner if they came from a copy, and
 * once more over another transport if there is one. Then it fails with ERR_DYAD_CORRUPT.
 */
export async function pull(
  record: FileRecord,
  destination: Destination,
  context: PullContext,
  signal: AbortSignal,
  sources?: Sources,
): Promise<number> {
  report('dyad.transfer.wanted', { record })
  const pulling: Pulling = {
    destination,
    context,
    patience: new Patience(context.ownerTimeout),
    ways: new Ways(),
    overall: new LeastRate(context.leastRate),
    isOpen: false,
    received: 0,
    mayBeCopy: true,
    mayBeginAnew: true,
  }
  for (;;) {
    await context.giveWay?.(record.path, signal)
    const source = (pulling.mayBeCopy ? await sources?.source(signal) : undefined) ?? record
    try {
      // Others may have a copy while the owner is away, and a holder that is away is not waited
      // for.
      const most = source !== record ? 0 : sources === undefined ? Number.POSITIVE_INFINITY : COPIES_AGAIN_MS
      return await pullFrom(source, Math.min(most, pulling.patience.left), pulling, signal)
    } catch (error) {
      signal.throwIfAborted()
      // The shortage is on this side, and an operation that waits for a descriptor must hold no
      // other.
      if (pulling.received === 0 && isShortage(error)) throw error
      if (isDyadError(error, 'ERR_DYAD_CORRUPT')) {
        if (source !== record) sources?.failed(source)
        await beginAnew(error, source, source !== record, pulling)
        continue
      }
      if (mayRecover(error)) pulling.ways.failed(error)
      // If a copy was changed, bytes of the change may have arrived. That is final; the next
      // request goes to another node.
      const isLost = pulling.isOpen && !mayRecover(error)
      if (source !== record && !isLost && pulling.patience.left > 1) {
        // There are others.
        sources?.failed(source)
        report('dyad.transfer.retry', { record: source, error: error as Error, delay: 0 })
      } else await beforeNextAttempt(error, record, pulling, signal)
    }
  }
}

/** A file on its way, over any number of transfers. */
interface Pulling {
  readonly destination: Destination
  readonly context: PullContext
  readonly patience: Patience
  readonly ways: Ways
  /**
   * Judges all transfers together: an owner that sends a little and stands still, each time, makes
   * no progress.
   */
  readonly overall: LeastRate
  /** Whether the last node has opened the file, so that its bytes may be at the destination. */
  isOpen: boolean
  received: number
  /** Whether copies may be used: no more after one had other bytes than the published ones. */
  mayBeCopy: boolean
  /** Whether the owner may send bytes that do not fit the digest once more. */
  mayBeginAnew: boolean
}

/**
 * One transfer, from where the last one stopped, of a node that may take `patienceMs` to be
 * registered.
 */
async function pullFrom(
  record: FileRecord,
  patienceMs: number,
  pulling: Pulling,
  signal: AbortSignal,
): Promise<number> {
  const { destination, context, patience, ways, overall } = pulling
  const { giveWay, ownerTimeout, progressTimeout, leastRate } = context
  const pace = new LeastRate(leastRate)
  // Half of the patience, so that another way has its turn before the end of it.
  using attempt = new Attempt(signal, Math.min(progressTimeout, patience.share), {
    stalled: (ms) => interrupted(record, pace.complaint(ms)),
    waited: (ms) => {
      pace.waited(ms)
      overall.waited(ms)
    },
  })
  const left = record.size - pulling.received
  pulling.isOpen = false
  await using transfer = await reach(record, pulling.received, patienceMs, context, attempt, ways)
  pulling.isOpen = true
  pace.restart()
  if (transfer.size !== left) {
    const detail = `it sends ${transfer.size} bytes where ${left} were published`
    throw new DyadError('ERR_DYAD_CHANGED', { path: record.path, node: record.owner, detail })
  }
  if (pulling.received === 0) {
    const moved = await destination.takeWhole(transfer)
    if (moved !== undefined) return moved
  }
  const inPlace = destination.receive(transfer)
  const steps: AsyncIterator<Uint8Array | number> = (inPlace ?? transfer)[Symbol.asyncIterator]()
  for (;;) {
    if (giveWay !== undefined) await giveWay(record.path, attempt.signal)
    const next = await attempt.await(steps.next())
    if (next.done) break
    const arrived = next.value
    // A chunk may be the reader's no more once it was written.
    const length = typeof arrived === 'number' ? arrived : arrived.length
    if (typeof arrived !== 'number') await destination.write(arrived)
    pulling.received += length
    if (overall.keeps(length)) patience.renew()
    if (pace.keeps(length)) attempt.limit = Math.min(progressTimeout, ownerTimeout / 2)
    else if (pace.behind >= attempt.limit && pulling.received < record.size) {
      throw interrupted(record, pace.complaint(0))
    }
  }
  if (pulling.received === record.size) return record.size
  throw interrupted(record, `${pulling.received} of ${record.size} bytes arrived`)
}

/**
 * Gets ready to fetch the file anew after bytes from `source` did not fit the record's digest;
 * throws the error that is final.
 */
async function beginAnew(error: DyadError, source: FileRecord, isCopy: boolean, pulling: Pulling): Promise<void> {
  const { path, owner } = source
  const why = new DyadError('ERR_DYAD_CORRUPT', { path, node: owner, detail: error.detail })
  if (!isCopy && !pulling.mayBeginAnew) throw why
  if (isCopy) pulling.mayBeCopy = false
  else pulling.mayBeginAnew = false
  report('dyad.transfer.retry', { record: source, error: why, delay: 0 })
  pulling.ways.failed(why)
  pulling.received = 0
  await pulling.destination.beginAnew(why)
}

/** Pauses after a failure of the owner; throws an error that is final. */
async function beforeNextAttempt(
  error: unknown,
  record: FileRecord,
  pulling: Pulling,
  signal: AbortSignal,
): Promise<void> {
  const { patience, received, context } = pulling
  if (!mayRecover(error)) throw withContext(error, 'ERR_DYAD_TRANSFER', { path: record.path, node: record.owner })
  context.nodes.forget(record.owner)
  const delay = patience.nextDelay()
  if (delay === undefined) {
    throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', {
      path: record.path,
      node: record.owner,
      detail: `no progress for ${context.ownerTimeout} ms, ${received} of ${record.size} bytes arrived: ${reasonOf(error)}`,
      cause: error,
    })
  }
  report('dyad.transfer.retry', { record, error: error as Error, delay })
  pulling.overall.waited(delay)
  await patience.pause(delay, signal)
}

/**
 * Returns whether another attempt may succeed. The way to the owner may come back. An owner's
 * answer about the file is final, and so is a failure on this node.
 */
function mayRecover(error: unknown): boolean {
  return (
    isDyadError(error, 'ERR_DYAD_TRANSFER') || isDyadError(error, 'ERR_DYAD_OWNER_UNREACHABLE') || isShortage(error)
  )
}

function interrupted(record: FileRecord, detail: string): DyadError {
  return new DyadError('ERR_DYAD_TRANSFER', { path: record.path, node: record.owner, detail })
}
