import type { DyadError } from '../errors.js'
import type { FileRecord } from '../kvs/record.js'

/** What is known of a file on its way here. Whoever opens something closes the descriptor. */
export interface Arrival {
  readonly record: FileRecord
  /** Bytes stored here so far. */
  readonly stored: number
  /**
   * The bytes that follow what is stored, on their way to it; they are what they are until the next
   * step.
   */
  readonly next?: Uint8Array | undefined
  /**
   * Why what had arrived before was not the published file, so that all of it comes anew; undefined
   * the first time.
   */
  readonly anew?: DyadError | undefined
  /** Opens what is stored here. */
  open(): number
  /**
   * Opens the owner's own file, where this process can: all of it can be read at once, and is to be
   * believed when the file has arrived.
   */
  readonly openAtOwner?: (() => number) | undefined
}

/** Told of each step of an arrival, and to whoever joins late, of the last. */
export type OnArrival = (arrival: Arrival) => void

/** Told how many bytes have arrived of how many. */
export type OnProgress = (arrived: number, size: number) => void
