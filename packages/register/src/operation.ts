import type { AgentAnswer, AgentRequest } from './agent/protocol.js'
import { type CallName, systemError } from './system-error.js'

/** Requests to the agent, one after the other. */
export type Asking<Result = void> = Generator<AgentRequest, Result, AgentAnswer>

/** A value that stands for what the call itself would return. */
export interface Instead {
  readonly value: unknown
}

/**
 * What is asked of the agent around a call of node:fs; the same for its callback, synchronous and
 * promise forms.
 */
export interface Operation {
  /** Whether nothing is ever asked. */
  readonly isUnasked?: boolean
  /** What the call is given in place of its arguments. */
  readonly args?: readonly unknown[]
  /**
   * Before the call. What it throws the call fails with; what it returns is returned without the
   * call.
   */
  before?(): Asking<Instead | undefined> | undefined
  /** After a call that succeeded with `value`. What it throws the call fails with. */
  succeeded?(value: unknown): Asking | undefined
  /** After a call that failed, which still fails with its own error. */
  failed?(error: unknown): Asking | undefined
}

/** Throws the error of a call whose request failed. */
export function check(answer: AgentAnswer, call: CallName): AgentAnswer {
  if (answer.kind === 'failed') throw systemError(answer, call)
  return answer
}

/** Several operations around one call. */
export function together(operations: readonly Operation[]): Operation | undefined {
  const [first, ...more] = operations
  if (first === undefined || more.length === 0) return first
  return {
    *before() {
      for (const { before } of operations) yield* before?.() ?? []
      return undefined
    },
    *succeeded(value) {
      for (const { succeeded } of operations) yield* succeeded?.(value) ?? []
    },
    *failed(error) {
      for (const { failed } of operations) yield* failed?.(error) ?? []
    },
  }
}

/** The operation around a call that concerns a managed path, of which the agent need not know. */
export const UNASKED: Operation = { isUnasked: true }
