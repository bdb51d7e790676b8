import { readFileSync } from 'node:fs'
import { listenTo } from '../deadline.js'
import { DyadError } from '../errors.js'

/**
 * How long callers wait at most before one of them tries again although nothing was closed here, in
 * ms.
 */
const LONGEST_PAUSE_MS = 100
/** How long after a failure the next one tries again at the earliest, in ms. */
const LEAST_PAUSE_MS = 10
/** How long a caller waits while nobody in this process gets a descriptor, in ms. */
const PATIENCE_MS = 30_000
/** Assumed where the system does not say. */
const UNKNOWN_LIMIT = 1_024

/** Whether an error says that no file descriptor was free, or has a cause that says so. */
export function isShortage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code: unknown = 'code' in cause ? cause.code : undefined
    if (code === 'EMFILE' || code === 'ENFILE') return true
    // A wait for descriptors has ended already.
    if (code === 'ERR_DYAD_DESCRIPTORS') return false
  }
  return false
}

/** File descriptors that this process may have open. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === undefined ? UNKNOWN_LIMIT : Number(soft)
  } catch {
    return UNKNOWN_LIMIT
  }
}

/** A caller that waits for its turn. */
interface Waiter {
  /** On the monotonic clock, in ms. */
  readonly since: number
  readonly failure: unknown
  /** Whether it is trying again now. */
  isTrying: boolean
  wake(): void
  giveUp(): void
}

/** The callers that wait for a descriptor, in the order in which they came. */
const waiters = new Set<Waiter>()
const relievers = new Set<() => void>()
let timer: NodeJS.Timeout | undefined
/**
 * When a caller that had waited got its descriptors last, and when one failed last; on the
 * monotonic clock, in ms.
 */
let lastSuccess = 0
let lastFailure = 0

/**
 * Calls `relieve` each time that descriptors are short, until the caller calls the function
 * returned. `relieve` closes connections and files that are open for later.
 */
export function onShortage(relieve: () => void): () => void {
  relievers.add(relieve)
  return () => relievers.delete(relieve)
}

/** Says that a descriptor was closed: the next waiter may try again. */
export function descriptorClosed(): void {
  if (waiters.size === 0) return
  const pause = lastFailure + LEAST_PAUSE_MS - performance.now()
  if (pause <= 0) wakeNext()
  else schedule(pause)
}

/**
 * Runs `work`, which opens descriptors, and returns or settles as that does. Where none is free
 * (EMFILE, ENFILE) it waits for its turn and does all of it again, so `work` must leave nothing
 * open when it fails. Those that wait try in the order in which they came, as descriptors are
 * closed. Rejects with the reason of `signal`, or with ERR_DYAD_DESCRIPTORS after half a minute in
 * which nobody got any. Synchronous work stays synchronous while nobody waits.
 */
export function withDescriptors<T>(work: () => T, signal?: AbortSignal): T | Promise<Awaited<T>> {
  if (waiters.size > 0) return inTurn(work, signal, undefined)
  try {
    const result = work()
    return result instanceof Promise ? result.catch((error) => later(error, work, signal)) : result
  } catch (error) {
    return later(error, work, signal)
  }
}

function later<T>(error: unknown, work: () => T, signal: AbortSignal | undefined): Promise<Awaited<T>> {
  if (!isShortage(error)) throw error
  return inTurn(work, signal, error)
}

async function inTurn<T>(work: () => T, signal: AbortSignal | undefined, first: unknown): Promise<Awaited<T>> {
  const turn = new Turn(first)
  try {
    for (;;) {
      await turn.next(signal)
      try {
        const result = await work()
        turn.succeeded()
        return result
      } catch (error) {
        if (!isShortage(error)) throw error
        turn.failed(error)
      }
    }
  } finally {
    turn.leave()
  }
}

/** The place of one caller among those that wait. */
class Turn implements Waiter {
  readonly since = performance.now()
  failure: unknown
  isTrying = false
  wake = () => {}
  giveUp = () => {}

  constructor(failure: unknown) {
    waiters.add(this)
    if (failure === undefined) schedule(LONGEST_PAUSE_MS)
    else this.failed(failure)
  }

  /** Resolves when it may try again. */
  async next(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    let stop = () => {}
    try {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve
        this.giveUp = () => reject(exhausted(this.failure))
        if (signal !== undefined) stop = listenTo(signal, () => reject(signal.reason))
      })
    } finally {
      stop()
    }
  }

  failed(failure: unknown): void {
    this.failure = failure
    this.isTrying = false
    lastFailure = performance.now()
    for (const relieve of relievers) relieve()
    schedule(LONGEST_PAUSE_MS)
  }

  /** There may be more for the next. */
  succeeded(): void {
    lastSuccess = performance.now()
    this.isTrying = false
    this.leave()
    wakeNext()
  }

  /** Waits no more; a turn that it did not use is the next one's. */
  leave(): void {
    waiters.delete(this)
    if (waiters.size === 0) {
      clearTimeout(timer)
      timer = undefined
    } else if (this.isTrying) descriptorClosed()
  }
}

function wakeNext(): void {
  for (const waiter of waiters) {
    if (waiter.isTrying) continue
    waiter.isTrying = true
    waiter.wake()
    return
  }
}

let due = 0

/** Sees to it that the next one tries again in `ms`, or before that. */
function schedule(ms: number): void {
  const at = performance.now() + ms
  if (timer !== undefined && due <= at) return
  clearTimeout(timer)
  due = at
  timer = setTimeout(() => {
    timer = undefined
    const now = performance.now()
    for (const waiter of waiters) {
      if (Math.max(waiter.since, lastSuccess) > now - PATIENCE_MS) break
      if (!waiter.isTrying) waiter.giveUp()
    }
    wakeNext()
    if (waiters.size > 0) schedule(LONGEST_PAUSE_MS)
  }, ms)
}

function exhausted(cause: unknown): DyadError {
  // The system names the call and the file that came last, such as a temporary one.
  const [detail] = String((cause as Partial<Error>).message).split(', ')
  return new DyadError('ERR_DYAD_DESCRIPTORS', { detail, cause })
}
