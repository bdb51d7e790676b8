import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { isDyadError, type SourceDirectory } from '@dyad-ts/core'
import {
  checkStateDirectory,
  hasFileLocks,
  isShortage,
  makeDirectory,
  openRegular,
  prepareStateDirectory,
  reasonOf,
  tryLock,
  userId,
} from '@dyad-ts/core/internal'

/**
 * Names begin as those of temporary files do, which nobody can publish. So a consumer never stores
 * a marker for others, even if the directory for state is below its managed directory.
 */
const PREFIX = '.dyad-local-'
const MAX_BYTES = 1024 * 1024
/**
 * Time for which the marker of a dead service stays, in ms. Consumers read its address in the
 * registry until the lease of its node ends, and learn from the marker that a new service may take
 * its place.
 */
const KEEP_MS = 60 * 60 * 1000
/** The reason of {@link readMarker} if the service has ended. */
export const ENDED = 'its service has ended'
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants

/** Contents of a marker. */
interface Marked {
  readonly host: string
  readonly directories: readonly SourceDirectory[]
}

/**
 * A file in the directory for state that lists the directories that a service serves. Only the user
 * of the directory for state can write there, so the service has the rights of its readers. An
 * entry of the registry proves nothing: it could name any directory, and make a consumer with more
 * rights copy files that the alleged owner may not read.
 */
export class Marker {
  /** Its name in the address of the service. */
  readonly name: string
  readonly #path: string
  readonly #fd: number
  #isRemoved = false

  private constructor(name: string, path: string, fd: number) {
    this.name = name
    this.#path = path
    this.#fd = fd
  }

  /**
   * Makes a marker, which the caller removes. Removes the markers of services that were killed more
   * than an hour ago. ERR_DYAD_OPTION if the directory for state cannot be used.
   */
  static async make(stateDir: string, marked: Marked): Promise<Marker> {
    prepareStateDirectory(stateDir)
    const folder = folderOf(stateDir)
    makeDirectory(folder, 0o700)
    sweep(folder)
    let marker: Marker | undefined
    while (marker === undefined) marker = Marker.#tryMake(folder, marked)
    return marker
  }

  /**
   * Returns undefined if the sweep of another service took the marker for a dead one before it was
   * locked here.
   */
  static #tryMake(folder: string, marked: Marked): Marker | undefined {
    const name = randomBytes(16).toString('hex')
    const path = join(folder, `${PREFIX}${name}`)
    const marker = new Marker(name, path, openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600))
    try {
      // The kernel releases the lock with the process, however that ends.
      if (lock(marker.#fd, 'exclusive') === 'taken' || fstatSync(marker.#fd).nlink === 0) {
        marker.remove()
        return undefined
      }
      writeSync(
        marker.#fd,
        JSON.stringify(marked, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
      )
      return marker
    } catch (error) {
      marker.remove()
      throw error
    }
  }

  /** Removes the file. Removing it twice is no error. */
  remove(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    closeSync(this.#fd)
    rmSync(this.#path, { force: true })
  }
}

/**
 * Returns the directories of the marker's service, or the reason why the marker proves nothing, as
 * a clause for a person. Throws the errors of the system.
 */
export function readMarker(stateDir: string, name: string, host: string): readonly SourceDirectory[] | string {
  try {
    checkStateDirectory(stateDir)
    const fd = openRegular(join(folderOf(stateDir), `${PREFIX}${name}`))
    try {
      const { uid, mode, size } = fstatSync(fd)
      if ((userId() !== -1 && uid !== userId()) || mode & 0o022) return 'its marker belongs to another user'
      if (size > MAX_BYTES) return 'its marker is too long'
      // A sweep locks a dead marker while it empties it.
      if (size === 0 || lock(fd, 'shared') === 'got') return ENDED
      const marked = decode(readFileSync(fd, 'utf8'))
      return marked.host === host ? marked.directories : 'its files are not on this host'
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return 'its service is of another user, or keeps its state elsewhere than in the DYAD_STATE_DIR of this side'
    }
    if (isDyadError(error)) return reasonOf(error)
    throw error
  }
}

function folderOf(stateDir: string): string {
  return join(stateDir, 'local')
}

function decode(text: string): Marked {
  const { host, directories } = JSON.parse(text)
  const read = ({ path, dev, ino }: Record<string, unknown>): SourceDirectory => {
    return { path: String(path), dev: BigInt(String(dev)), ino: BigInt(String(ino)) }
  }
  return { host: String(host), directories: directories.map(read) }
}

/**
 * Locks a marker until its descriptor is closed. Returns 'taken' if another process has the lock,
 * 'impossible' if files cannot be locked.
 */
function lock(fd: number, kind: 'shared' | 'exclusive'): 'got' | 'taken' | 'impossible' {
  try {
    if (!hasFileLocks()) return 'impossible'
    return tryLock(fd, { shared: kind === 'shared' }) ? 'got' : 'taken'
  } catch (error) {
    if (isShortage(error)) throw error
    return 'impossible'
  }
}

/**
 * Removes the markers of services that were killed more than an hour ago. The first sweep that
 * finds a marker dead empties it, so its modification time is the time of that sweep.
 */
function sweep(folder: string): void {
  for (const entry of readdirSync(folder)) {
    if (!entry.startsWith(PREFIX)) continue
    try {
      const path = join(folder, entry)
      const fd = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
      try {
        if (lock(fd, 'exclusive') !== 'got') continue
        const { size, mtimeMs } = fstatSync(fd)
        if (size > 0) ftruncateSync(fd)
        else if (Date.now() - mtimeMs > KEEP_MS) rmSync(path, { force: true })
      } finally {
        closeSync(fd)
      }
    } catch {
      // Its service removed it meanwhile.
    }
  }
}
