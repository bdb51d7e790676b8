import type { Buffer } from 'node:buffer'
import type { SendRequest } from '../verbs/queue-pair.js'
import type { Grant } from './frames.js'

/** Something of a file that arrives at once. */
export interface Part {
  readonly length: number
  /** What arrived; undefined where it stands in its file already. */
  readonly bytes: Buffer | undefined
  /** Nobody looks at it any more. */
  read(): void
}

/** Memory that the owner may fill next. */
export interface Promised {
  readonly grant: Grant
  readonly part: Part
  /** What must be done before the owner is told of it. */
  readonly before: readonly SendRequest[]
}

/**
 * Where the bytes of one transfer arrive: memory that the owner may write through keys that are its
 * own, until they are withdrawn.
 */
export interface Landing {
  /** Room for the next of `left` bytes; undefined if there is none now. */
  next(left: number): Promised | undefined
  /** The owner writes no more; resolves when it cannot. */
  withdraw(): Promise<void>
  /** Nobody looks at any part any more. */
  leave(): void
}
