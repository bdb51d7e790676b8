import type { Socket } from 'node:net'
import type { FileSource } from '@dyad-ts/core'
import type { Places } from '@dyad-ts/core/internal'
import type { SendBuffers } from './send-buffers.js'

/** What all connections of a server share. */
export interface Served {
  readonly source: FileSource
  readonly places: Places
  readonly buffers: SendBuffers
  /** What a peer must prove to know. */
  readonly token: string | undefined
  /** The address that clients mean when they come here. */
  audience(): string
  /**
   * Lets the connection of a peer last that has proved itself. ERR_DYAD_TRANSFER if there is no
   * room.
   */
  admit(socket: Socket): void
  /** How long a peer may take for what it owes, in ms. */
  readonly patienceMs: number
}
