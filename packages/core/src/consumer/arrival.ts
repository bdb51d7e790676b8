import type { DyadError } from '../errors.js'
import type { FileRecord } from '../kvs/record.js'

/** The state of a file on its way here. The caller closes each descriptor that it opens. */
export interface Arrival {
  readonly record: FileRecord
  /** Bytes stored here so far. */
  readonly stored: number
  /**
   * The bytes that follow the stored ones and are being stored. They are valid until the next step.
   */
  readonly next?: Uint8Array | undefined
  /**
   * Why the bytes that arrived before were not the published file, so that all of it comes anew.
   * Undefined the first time.
   */
  readonly anew?: DyadError | undefined
  /** Opens the file that is stored here. */
  open(): number
  /**
   * Opens the owner's own file, where this process can. All of it can be read at once; it is
   * verified when the file has arrived.
   */
  readonly openAtOwner?: (() => number) | undefined
}

/** Called for each step of an arrival. A caller that joins late gets the last step. */
export type OnArrival = (arrival: Arrival) => void

/** Called with the bytes that have arrived, and with the size of the file. */
export type OnProgress = (arrived: number, size: number) => void
