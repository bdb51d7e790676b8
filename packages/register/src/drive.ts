import { AsyncLocalStorage } from 'node:async_hooks'
import type { AgentRequest } from './agent/protocol.js'
import { missingAddon } from './missing-addon.js'
import type { Asking } from './operation.js'
import type { Program } from './program.js'

/** Calls the function of node:fs inside an operation. */
export type Real = () => unknown

/** The result of the requests; undefined if they were cancelled. */
export type Outcome<Result> = { readonly error: unknown } | { readonly result: Result | undefined }

let depth = 0
/** Whether a session of the program runs, which synchronizes its own files. */
const session = new AsyncLocalStorage<true>()
let hasSessions = false

/**
 * Returns true if a function of node:fs is called by one whose operation covers it, or by a session
 * of the program.
 */
export function isInside(): boolean {
  return depth > 0 || (hasSessions && session.getStore() === true)
}

/** Runs the work of a session of the program. */
export function bySession<Result>(work: () => Result): Result {
  hasSessions = true
  return session.run(true, work)
}

/** Calls a function of node:fs that may call others of node:fs. */
export function inside(real: Real): unknown {
  depth++
  try {
    return real()
  } finally {
    depth--
  }
}

/** Calls user code from within such a function. */
export function outside<Result>(call: () => Result): Result {
  const before = depth
  depth = 0
  try {
    return call()
  } finally {
    depth = before
  }
}

/**
 * Sends one request after the other, and blocks. Throws ERR_DYAD_ADDON if there is a request but no
 * addon.
 */
export function askNow<Result>(program: Program, asking: Asking<Result> | undefined): Result | undefined {
  if (asking === undefined) return undefined
  let next = asking.next()
  while (!next.done) {
    if (program.native === undefined) throw missingAddon()
    const answer = program.native.ask(next.value)
    program.tell(next.value, answer)
    next = asking.next(answer)
  }
  return next.value
}

/**
 * Sends one request after the other, without blocking. Calls `settled` later, or at once if there
 * is no request.
 * @param signals each ends a wait for a file that is no longer wanted: the call itself then decides
 */
export function askLater<Result>(
  program: Program,
  asking: Asking<Result> | undefined,
  settled: (outcome: Outcome<Result>) => void,
  signals: readonly AbortSignal[] = [],
): void {
  if (asking === undefined) {
    settled({ result: undefined })
    return
  }
  const step = (advance: () => IteratorResult<AgentRequest, Result>) => {
    let next: IteratorResult<AgentRequest, Result>
    try {
      next = advance()
    } catch (error) {
      settled({ error })
      return
    }
    if (next.done) {
      settled({ result: next.value })
      return
    }
    const request = next.value
    const abandon = program.agent.ask(request, (answer) => {
      for (const signal of signals) signal.removeEventListener('abort', cancel)
      program.tell(request, answer)
      step(() => asking.next(answer))
    })
    const cancel = () => {
      for (const signal of signals) signal.removeEventListener('abort', cancel)
      abandon()
      settled({ result: undefined })
    }
    if (!('wait' in request)) return
    for (const signal of signals) signal.addEventListener('abort', cancel)
    if (signals.some(({ aborted }) => aborted)) cancel()
  }
  step(() => asking.next())
}
