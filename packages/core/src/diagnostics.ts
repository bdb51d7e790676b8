import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { debuglog, inspect } from 'node:util'
import type { FileRecord } from './kvs/record.js'
import { visible } from './visible.js'

/** The message of each diagnostics channel. The names follow the way of the data. */
export interface Diagnostics {
  /** A file was published. */
  'dyad.producer.published': { record: FileRecord }
  /**
   * A file that was published without waiting could not be; `flush()` and `close()` reject for it.
   */
  'dyad.producer.failed': { path: string; error: Error }
  /** The record of a file was removed. */
  'dyad.producer.removed': { path: string }
  /**
   * Others cannot fetch the files that this node publishes; `reason` says why and names the remedy.
   * Once a session, at its first publish.
   */
  'dyad.producer.unfetchable': { node: string; reason: string }
  /** A consumer waits for a file that nobody has published yet. */
  'dyad.kvs.waiting': { path: string; namespace: string }
  /**
   * The store went away while something was under way; `since` is in ms since 1970, `why` is the
   * failure of the attempt to reach it.
   */
  'dyad.kvs.lost': { address: string; since: number; why: Error }
  /** The store, which was away since then, is back. */
  'dyad.kvs.back': { address: string; since: number }
  /** The session passed over a record, or the offer of a copy, that it cannot read. */
  'dyad.kvs.unreadable': { error: Error }
  /** A file has to be fetched from its owner, or from a node that holds a copy. */
  'dyad.transfer.wanted': { record: FileRecord }
  /**
   * A transfer begins, from this node (the owner, or one that holds a copy), over this transport,
   * for this reason, which also says why better ones are not used.
   */
  'dyad.transfer.started': { record: FileRecord; node: string; transport: string; reason: string; start: number }
  /** A transfer failed and will be tried again after `delay` ms. */
  'dyad.transfer.retry': { record: FileRecord; error: Error; delay: number }
  /**
   * A file is not shared with other nodes: the store did not take the place in its queue, or the
   * offer of a copy.
   */
  'dyad.transfer.notShared': { record: FileRecord; error: Error }
  /** A file was moved and stands whole at its path. `moved` is in bytes, `duration` in ms. */
  'dyad.consumer.stored': { record: FileRecord; local: string; moved: number; duration: number }
  /**
   * A file needed no transfer: `held` from an earlier one, `owned` by this very directory, or on
   * `shared` storage.
   */
  'dyad.consumer.present': { record: FileRecord; local: string; how: 'held' | 'owned' | 'shared' }
  /**
   * Another process of this node, `holder`, fetches a file and makes no progress: this one goes on
   * without it.
   */
  'dyad.consumer.overtaken': { record: FileRecord; holder: string }
  /** A file was brought here, or found here, before a caller asked for it. */
  'dyad.consumer.ahead': { record: FileRecord }
  /** A file could not be brought here before a caller asked for it; an open of it tries again. */
  'dyad.consumer.notAhead': { path: string; error: Error }
}

const log = debuglog('dyad')

/**
 * Publishes a message on a channel, and logs it with NODE_DEBUG=dyad. A message that takes work is
 * given as a function, which is called only if there is a subscriber or a log.
 */
export function report<Name extends keyof Diagnostics>(
  name: Name,
  told: Diagnostics[Name] | (() => Diagnostics[Name]),
): void {
  const target = channel(name)
  if (!target.hasSubscribers && !log.enabled) return
  const message = typeof told === 'function' ? told() : told
  if (target.hasSubscribers) target.publish(message)
  if (log.enabled) log('%s', lineOf(name, message))
}

/** Every channel there is. */
export const CHANNELS = [
  'dyad.producer.published',
  'dyad.producer.failed',
  'dyad.producer.removed',
  'dyad.producer.unfetchable',
  'dyad.kvs.waiting',
  'dyad.kvs.lost',
  'dyad.kvs.back',
  'dyad.kvs.unreadable',
  'dyad.transfer.wanted',
  'dyad.transfer.started',
  'dyad.transfer.retry',
  'dyad.transfer.notShared',
  'dyad.consumer.stored',
  'dyad.consumer.present',
  'dyad.consumer.overtaken',
  'dyad.consumer.ahead',
  'dyad.consumer.notAhead',
] as const satisfies readonly (keyof Diagnostics)[]

let tellers = 0

function tell(message: unknown, name: string | symbol): void {
  process.stderr.write(`${lineOf(name, message)}\n`)
}

/**
 * One line, but for the stack of an error, whose lines are indented: nothing in a message can forge
 * a line.
 */
function lineOf(name: string | symbol, message: unknown): string {
  const text = inspect(message, { breakLength: Number.POSITIVE_INFINITY, depth: 3 })
  return `${String(name)} ${text.split('\n').map(visible).join('\n    ')}`
}

/**
 * Writes the messages of all channels to stderr, once for any number of callers, until the last of
 * them disposes of it.
 */
export function tellOnStderr(): Disposable {
  if (tellers++ === 0) for (const name of CHANNELS) subscribe(name, tell)
  return {
    [Symbol.dispose]() {
      if (--tellers === 0) for (const name of CHANNELS) unsubscribe(name, tell)
    },
  }
}
