import { setMaxListeners } from 'node:events'

/** Runs `work` with a signal that fires with any of `signals`, or with `late()` after `ms` milliseconds (0: never). Leaves no listener behind. */
export async function within<T>(
  ms: number,
  late: () => Error,
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const listening = signals.map((signal) => {
    // One signal may well end thousands of waits.
    if (signal !== undefined) setMaxListeners(0, signal)
    const aborted = () => own.abort(signal?.reason)
    if (signal?.aborted) aborted()
    else signal?.addEventListener('abort', aborted, { once: true })
    return () => signal?.removeEventListener('abort', aborted)
  })
  const timer = ms > 0 ? setTimeout(() => own.abort(late()), ms) : undefined
  try {
    own.signal.throwIfAborted()
    return await work(own.signal)
  } finally {
    clearTimeout(timer)
    for (const stop of listening) stop()
  }
}
