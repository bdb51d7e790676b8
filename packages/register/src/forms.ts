import { AsyncResource } from 'node:async_hooks'
import { askLater, askNow, inside, type Outcome, outside } from './drive.js'
import type { Asking, Operation } from './operation.js'
import type { Program } from './program.js'

/** A callback of node:fs. */
export type Callback = (...values: unknown[]) => unknown

/** Runs the synchronous form of an operation. */
export function runNow(program: Program, operation: Operation, real: () => unknown): unknown {
  const instead = askNow(program, operation.before?.())
  if (instead !== undefined) return instead.value
  let value: unknown
  try {
    value = inside(real)
  } catch (error) {
    askNow(program, operation.failed?.(error))
    throw error
  }
  askNow(program, operation.succeeded?.(value))
  return value
}

/**
 * Runs the callback form of an operation.
 * @param real calls the function of node:fs with the given callback
 */
export function runWithCallback(
  program: Program,
  operation: Operation,
  real: (callback: Callback) => unknown,
  callback: Callback,
  signals?: readonly AbortSignal[],
): void {
  // The caller's asynchronous context, which the agent's answers lack.
  const resource = new AsyncResource('DYAD')
  const tell = (...values: unknown[]) => resource.runInAsyncScope(() => process.nextTick(callback, ...values))
  const called: Callback = (error, ...values) => {
    const after = error ? operation.failed?.(error) : operation.succeeded?.(values[0])
    if (after === undefined) return outside(() => callback(error, ...values))
    return askLater(program, after, (outcome) => {
      if ('error' in outcome) tell(outcome.error)
      else tell(error, ...values)
    })
  }
  let isAtOnce = true
  const call = () => {
    try {
      resource.runInAsyncScope(() => inside(() => real(called)))
    } catch (error) {
      askLater(program, operation.failed?.(error), () => {})
      if (isAtOnce) throw error
      tell(error)
    }
  }
  askLater(
    program,
    operation.before?.(),
    (outcome) => {
      if ('error' in outcome) tell(outcome.error)
      else if (outcome.result !== undefined) tell(null, outcome.result.value)
      else call()
    },
    signals,
  )
  isAtOnce = false
}

/** Runs the promise form of an operation. */
export async function runAsPromise(
  program: Program,
  operation: Operation,
  real: () => unknown,
  signals?: readonly AbortSignal[],
): Promise<unknown> {
  const instead = await asked(program, operation.before?.(), signals)
  if (instead !== undefined) return instead.value
  let value: unknown
  try {
    value = await inside(real)
  } catch (error) {
    await asked(program, operation.failed?.(error))
    throw error
  }
  await asked(program, operation.succeeded?.(value))
  return value
}

/** Sends one request after the other, without blocking. */
export function asked<Result>(
  program: Program,
  asking: Asking<Result> | undefined,
  signals?: readonly AbortSignal[],
): Promise<Result | undefined> | undefined {
  if (asking === undefined) return undefined
  return new Promise((resolve, reject) => {
    const settled = (outcome: Outcome<Result>) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.result))
    askLater(program, asking, settled, signals)
  })
}
