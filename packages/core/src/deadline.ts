import { setMaxListeners } from 'node:events'
import { LONGEST_MS } from './options/given-number.js'

/**
 * Signals that many may listen to: one may well end thousands of waits, and telling Node so costs
 * more than listening.
 */
const unlimited = new WeakSet<AbortSignal>()

/**
 * Calls `fired` once when the signal fires, at once if it has; until the function returned is
 * called.
 */
export function listenTo(signal: AbortSignal, fired: () => void): () => void {
  if (signal.aborted) {
    fired()
    return () => {}
  }
  if (!unlimited.has(signal)) {
    setMaxListeners(0, signal)
    unlimited.add(signal)
  }
  signal.addEventListener('abort', fired, { once: true })
  return () => signal.removeEventListener('abort', fired)
}

/**
 * Resolves when `waiting` calls what it is given, or when the signal fires: then it rejects with
 * its reason. Leaves no listener behind.
 */
export async function untilTold(signal: AbortSignal, waiting: (told: () => void) => void): Promise<void> {
  signal.throwIfAborted()
  let stop = () => {}
  try {
    await new Promise<void>((resolve) => {
      waiting(resolve)
      stop = listenTo(signal, resolve)
    })
  } finally {
    stop()
  }
  signal.throwIfAborted()
}

/** Controllers for reuse: making one takes as long as a few system calls. */
const spare: AbortController[] = []
const MOST_SPARE = 64

/**
 * Returns a controller that is not aborted and has no listeners. The caller gives it back, unless
 * something may still hold its signal.
 */
export function takeController(): AbortController {
  return spare.pop() ?? new AbortController()
}

/** Gives a controller back, once nothing holds its signal any more. */
export function giveBackController(controller: AbortController): void {
  if (!controller.signal.aborted && spare.length < MOST_SPARE) spare.push(controller)
}

/**
 * Runs `work` with a signal that fires with `signal`, or with `late()` after `ms` milliseconds (0,
 * or LONGEST_MS: never). Leaves no listener behind.
 */
export async function within<T>(
  ms: number,
  late: () => Error,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (ms === 0 || ms >= LONGEST_MS) return work(signal)
  const own = new AbortController()
  const stop = listenTo(signal, () => own.abort(signal.reason))
  const timer = setTimeout(() => own.abort(late()), ms)
  try {
    own.signal.throwIfAborted()
    return await work(own.signal)
  } finally {
    clearTimeout(timer)
    stop()
  }
}
