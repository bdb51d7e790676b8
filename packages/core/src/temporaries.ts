import { createHash, randomBytes } from 'node:crypto'
import { openSync, readFileSync, readlinkSync, statSync, unlinkSync } from 'node:fs'
import { opendir, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { makeDirectory } from './make-directory.js'
import { TEMPORARY_PREFIX } from './managed-path.js'

/**
 * Names temporary files, and removes those that killed processes left. A name tells host, process and start of the process that made it,
 * `.dyad-<host>-<pid>-<start>-<random>`, so that nobody removes what a living process still writes, on this host or another.
 */
export class Temporaries {
  readonly #swept = new Map<string, Promise<void>>()
  readonly #instance = randomBytes(6).toString('hex')
  #count = 0

  /** A new name beside `target`, in a directory that may be missing. */
  name(target: string): string {
    const directory = dirname(target)
    if (!this.#swept.has(directory)) this.#swept.set(directory, sweep(directory))
    return `${directory === '/' ? '' : directory}/${OURS}-${this.#instance}${(this.#count++).toString(16)}`
  }

  /** As `name`, with the directory made if it is missing. */
  beside(target: string): string {
    const directory = dirname(target)
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) makeDirectory(directory)
    return this.name(target)
  }

  /** Creates a new file beside `target`, for reading and writing, with the directory made if it is missing; whoever calls closes the descriptor. */
  create(target: string, mode: number): { path: string; fd: number } {
    const path = this.name(target)
    try {
      return { path, fd: openSync(path, 'wx+', mode) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      makeDirectory(dirname(target))
      return { path, fd: openSync(path, 'wx+', mode) }
    }
  }

  /** Removes a temporary file, if it is there. */
  remove(path: string): void {
    try {
      unlinkSync(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    }
  }

  /** Resolves when the sweeps begun so far are done. */
  async settled(): Promise<void> {
    await Promise.all(this.#swept.values())
  }
}

function readOr(path: string, fallback: string, read: (path: string) => string): string {
  try {
    return read(path)
  } catch {
    return fallback
  }
}

/** When a process started, in clock ticks since boot; '' if there is no such process. Elsewhere than on Linux, whether there is one. */
function startOf(pid: number): string {
  if (process.platform !== 'linux') {
    try {
      process.kill(pid, 0)
      return 'alive'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : ''
    }
  }
  const stat = readOr(`/proc/${pid}/stat`, '', (path) => readFileSync(path, 'latin1'))
  // The second field is the program's name in parentheses and may hold anything; the start is the 20th after it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

// Process ids mean something only within one boot of one host, in one namespace of processes.
const HOST = createHash('sha256')
  .update(hostname())
  .update(readOr('/proc/sys/kernel/random/boot_id', '', (path) => readFileSync(path, 'latin1')))
  .update(readOr('/proc/self/ns/pid', '', (path) => readlinkSync(path)))
  .digest('hex')
  .slice(0, 10)
const OURS = `${TEMPORARY_PREFIX}${HOST}-${process.pid}-${startOf(process.pid)}`
const NAME = new RegExp(`^\\${TEMPORARY_PREFIX}${HOST}-(\\d+)-(\\w*)-`)

/** Removes what dead processes of this host left in a directory. What cannot be removed stays: it is debris, not data. */
async function sweep(directory: string): Promise<void> {
  try {
    for await (const entry of await opendir(directory)) {
      const [, pid, start] = NAME.exec(entry.name) ?? []
      if (pid === undefined || startOf(Number(pid)) === start) continue
      await unlink(join(directory, entry.name)).catch(() => {})
    }
  } catch {
    // The directory vanished or cannot be listed.
  }
}
