import type { Socket } from 'node:net'
import type { FileSource } from '@dyad-ts/core'
import type { Places } from '@dyad-ts/core/internal'
import type { SendBuffers } from './send-buffers.js'

/** The parts that all connections of a server share. */
export interface Served {
  readonly source: FileSource
  readonly places: Places
  readonly buffers: SendBuffers
  /** Secret that a peer must prove to know. */
  readonly token: string | undefined
  /** Returns the address that clients connect to. */
  audience(): string
  /**
   * Lets the connection of a peer last, which has proved itself. ERR_DYAD_TRANSFER if there is no
   * room.
   */
  admit(socket: Socket): void
  /** Time that a peer has for its hello and for a request that it began, in ms. */
  readonly patienceMs: number
}
