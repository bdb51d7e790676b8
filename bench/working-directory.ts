import { statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { GiB, MiB } from './part.js'

const SHARED_MEMORY = '/dev/shm'
const TMPFS_MAGIC = 0x01021994

/** What a directory has to offer. */
export interface Room {
  readonly directory: string
  readonly bytes: number
  readonly isTmpfs: boolean
}

/** There is no directory with enough room; the message says what can be done. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError'
}

/**
 * The directory to work in: the one that is given, else shared memory, else the one for temporary
 * files, whichever has room first. NoRoomError.
 */
export function chooseDirectory(
  needs: number,
  given: string | undefined,
  look: (directory: string) => Room | undefined = roomOf,
): Room {
  const rooms = (given === undefined ? [SHARED_MEMORY, tmpdir()] : [given])
    .map((directory) => look(directory))
    .filter((room) => room !== undefined)
  if (given !== undefined && rooms.length === 0) throw new NoRoomError(`there is no directory ${given}`)
  // Shared memory that is no tmpfs is a disk like any other, and not the one that is meant for such
  // files.
  const isFit = ({ directory, isTmpfs }: Room) => given !== undefined || directory !== SHARED_MEMORY || isTmpfs
  const found = rooms.find((room) => room.bytes >= needs && isFit(room))
  if (found !== undefined) return found
  const offered = rooms.map(({ directory, bytes }) => `${directory} has ${sizeOf(bytes)}`).join(', ')
  throw new NoRoomError(
    `the largest part needs ${sizeOf(needs)} at once, and ${offered}. Free some, name another directory with --dir DIR, name smaller parts (--list shows what each needs), or use --quick.`,
  )
}

/** A number of bytes as people say it. */
export function sizeOf(bytes: number): string {
  return bytes >= GiB / 10 ? `${(bytes / GiB).toFixed(1)} GiB` : `${Math.ceil(bytes / MiB)} MiB`
}

/** A tmpfs has room only as far as there is memory for it. */
function roomOf(directory: string): Room | undefined {
  try {
    const { type, bavail, bsize } = statfsSync(directory)
    const isTmpfs = type === TMPFS_MAGIC
    const bytes = bavail * bsize
    return { directory, bytes: isTmpfs ? Math.min(bytes, freemem()) : bytes, isTmpfs }
  } catch {
    return undefined
  }
}
