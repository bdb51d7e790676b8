import type { Buffer } from 'node:buffer'
import type { SendRequest } from '../verbs/queue-pair.js'
import type { Grant } from './frames.js'

/** A part of a file that arrives at once. */
export interface Part {
  readonly length: number
  /** The bytes, or undefined if they are in their file already. */
  readonly bytes: Buffer | undefined
  /** The reader uses the part no more. */
  read(): void
}

/** Memory that the owner may fill next. */
export interface Promised {
  readonly grant: Grant
  readonly part: Part
  /** Requests that must be posted before the owner gets the grant. */
  readonly before: readonly SendRequest[]
}

/**
 * The memory in which the bytes of one transfer arrive. The owner writes there through keys for it
 * alone, until they are withdrawn.
 */
export interface Landing {
  /** Returns room for the next of `left` bytes, or undefined if there is none now. */
  next(left: number): Promised | undefined
  /** Withdraws the keys. Resolves once the owner cannot write any more. */
  withdraw(): Promise<void>
  /** The reader uses no part any more. */
  leave(): void
}
