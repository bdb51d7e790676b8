import type { Stats } from 'node:fs'
import { own } from './own-fs.js'

/** Errors after which a file does not hold what the program wrote. */
const DAMAGING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG'])
const DELETED = ' (deleted)'

/** A descriptor of the producer-managed directory that is open for writing. */
export interface Written {
  readonly fd: number
  /** Where it was opened. */
  readonly path: string
  /** Whether a write failed, so that the file is not to be published. */
  isDamaged: boolean
}

/** The descriptors of this thread that are open for writing in the producer-managed directory. */
export class WrittenDescriptors {
  readonly #all = new Map<number, Written>()

  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  add(fd: number, path: string): Written {
    const written = { fd, path, isDamaged: false }
    this.#all.set(fd, written)
    return written
  }

  get(fd: unknown): Written | undefined {
    return typeof fd === 'number' ? this.#all.get(fd) : undefined
  }

  /** Forgets a descriptor that is about to close, or that was closed past node:fs. */
  delete(fd: number): void {
    this.#all.delete(fd)
  }

  [Symbol.iterator](): IterableIterator<Written> {
    return this.#all.values()
  }

  /** Whether one of them writes this file. */
  writes({ dev, ino }: Stats): boolean {
    for (const { fd } of this.#all.values()) {
      try {
        const stats = own.fstatSync(fd)
        if (stats.dev === dev && stats.ino === ino) return true
      } catch {
        // It was closed past node:fs.
      }
    }
    return false
  }
}

/** Notes that a write failed. */
export function noteDamage(written: Written | undefined, error: unknown): void {
  if (written === undefined || !(error instanceof Error) || !('code' in error)) return
  if (typeof error.code === 'string' && DAMAGING.has(error.code)) written.isDamaged = true
}

/**
 * Where the file of an open descriptor stands now, which follows renames; undefined if it is no
 * longer linked.
 */
export function placeOf({ fd, path }: Pick<Written, 'fd' | 'path'>): string | undefined {
  try {
    const place = own.readlinkSync(`/proc/self/fd/${fd}`)
    if (place.endsWith(DELETED) && own.fstatSync(fd).nlink === 0) return undefined
    return place
  } catch {
    // Systems without /proc.
    return path
  }
}
