import { setMaxListeners } from 'node:events'

/**
 * Waits for `work`, or until `signal` fires: then rejects with its reason and lets the work's end
 * go unseen.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  // One signal may well end thousands of fetches.
  setMaxListeners(0, signal)
  return new Promise<T>((resolve, reject) => {
    const aborted = () => reject(signal.reason)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
