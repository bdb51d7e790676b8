import type { AgentAnswer, AgentRequest } from './agent/protocol.js'
import { type CallName, systemError } from './system-error.js'

/** Requests to the agent, one after the other. */
export type Asking<Result = void> = Generator<AgentRequest, Result, AgentAnswer>

/** A value to return in place of the call's own. */
export interface Instead {
  readonly value: unknown
}

/** The requests around a call of node:fs, shared by its callback, synchronous and promise forms. */
export interface Operation {
  /** Whether it has no requests. */
  readonly isUnasked?: boolean
  /** The arguments of the call, if they differ. */
  readonly args?: readonly unknown[]
  /**
   * Runs before the call. The call fails with its exception. A returned value replaces the call.
   */
  before?(): Asking<Instead | undefined> | undefined
  /** Runs after a call that succeeded with `value`. The call fails with its exception. */
  succeeded?(value: unknown): Asking | undefined
  /** Runs after a failed call, which still fails with its own error. */
  failed?(error: unknown): Asking | undefined
}

/** Throws the error of a call if its request failed. */
export function check(answer: AgentAnswer, call: CallName): AgentAnswer {
  if (answer.kind === 'failed') throw systemError(answer, call)
  return answer
}

/** Combines several operations around one call. */
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

/** The operation around a call on a managed path that does not concern the agent. */
export const UNASKED: Operation = { isUnasked: true }
