import type { FileSource } from '@dyad-ts/core'
import type { Places } from '@dyad-ts/core/internal'

/** The parts that all connections of a server share. */
export interface Served {
  readonly source: FileSource
  readonly places: Places
}
