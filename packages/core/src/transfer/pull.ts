import { report } from '../diagnostics.js'
import { DyadError, isDyadError, withContext } from '../errors.js'
import type { FileRecord } from '../kvs/record.js'
import { Attempt } from './attempt.js'
import type { Transfer } from './contract.js'
import { Patience } from './patience.js'
import { type ReachContext, reach } from './reach.js'

/** Where the bytes of a file go. */
export interface Destination {
  /** Takes the whole file over a transfer that need not pass the bytes through here, or declines. Tells how many bytes moved. */
  takeWhole(transfer: Transfer): Promise<number | undefined>
  /** Takes the next bytes; they are the caller's again when it resolves. */
  write(chunk: Uint8Array): Promise<void>
}

/** What pulling a file needs to know of its session. */
export interface PullContext extends ReachContext {
  /** Milliseconds to go on trying without progress. */
  readonly ownerTimeout: number
  /** Milliseconds that a transfer may stand still. */
  readonly progressTimeout: number
  /** Resolves when this transfer may go on, where others have the right of way; rejects with the signal's reason. */
  readonly giveWay?: ((path: string, signal: AbortSignal) => Promise<void>) | undefined
}

/**
 * Brings the bytes of the record's file from its owner into `destination`, over as many transfers as it takes: what breaks off goes on from where it
 * stopped. Tells how many bytes moved. Gives up with ERR_DYAD_OWNER_UNREACHABLE after `ownerTimeout` without progress; ERR_DYAD_CHANGED and ERR_DYAD_GONE
 * are final.
 */
export async function pull(
  record: FileRecord,
  destination: Destination,
  context: PullContext,
  signal: AbortSignal,
): Promise<number> {
  const patience = new Patience(context.ownerTimeout)
  let received = 0
  const { giveWay } = context
  for (;;) {
    await giveWay?.(record.path, signal)
    using attempt = new Attempt(signal, context.progressTimeout, () =>
      interrupted(record, 'it stood still for longer than DYAD_PROGRESS_TIMEOUT'),
    )
    try {
      await using transfer = await reach(record, received, patience.left, context, attempt)
      if (transfer.size !== record.size - received) {
        const detail = `it sends ${transfer.size} bytes where ${record.size - received} were published`
        throw new DyadError('ERR_DYAD_CHANGED', { path: record.path, node: record.owner, detail })
      }
      if (received === 0) {
        const moved = await destination.takeWhole(transfer)
        if (moved !== undefined) return moved
      }
      const chunks = transfer[Symbol.asyncIterator]()
      for (;;) {
        if (giveWay !== undefined) await giveWay(record.path, attempt.signal)
        const next = await attempt.await(chunks.next())
        if (next.done) break
        await destination.write(next.value)
        received += next.value.length
        patience.renew()
      }
      if (received !== record.size) throw interrupted(record, `${received} of ${record.size} bytes arrived`)
      return received
    } catch (error) {
      signal.throwIfAborted()
      if (!mayRecover(error)) throw withContext(error, 'ERR_DYAD_TRANSFER', { path: record.path, node: record.owner })
      const delay = patience.nextDelay()
      if (delay === undefined) {
        throw new DyadError('ERR_DYAD_OWNER_UNREACHABLE', {
          path: record.path,
          node: record.owner,
          detail: `no progress for ${context.ownerTimeout} ms, ${received} of ${record.size} bytes arrived: ${(error as Error).message}`,
          cause: error,
        })
      }
      report('dyad.transfer.retry', { record, error: error as Error, delay })
      await patience.pause(delay, signal)
    }
  }
}

/** The way to the owner may come back; what the owner says of the file stands, and what fails here is not the owner's. */
function mayRecover(error: unknown): boolean {
  return isDyadError(error, 'ERR_DYAD_TRANSFER') || isDyadError(error, 'ERR_DYAD_OWNER_UNREACHABLE')
}

function interrupted(record: FileRecord, detail: string): DyadError {
  return new DyadError('ERR_DYAD_TRANSFER', { path: record.path, node: record.owner, detail })
}
