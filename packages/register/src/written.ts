import type { Stats } from 'node:fs'
import { own } from './own-fs.js'

/** Errors after which a file lacks bytes that the program wrote. */
const DAMAGING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG'])
const DELETED = ' (deleted)'

/** A descriptor that is open for writing in the producer-managed directory. */
export interface Written {
  readonly fd: number
  /** Its path at the open. */
  readonly path: string
  /** Whether a write failed, so that the file must not be published. */
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

  /** Returns true if one of them writes this file. */
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

/** Notes a failed write. */
export function noteDamage(written: Written | undefined, error: unknown): void {
  if (written === undefined || !(error instanceof Error) || !('code' in error)) return
  if (typeof error.code === 'string' && DAMAGING.has(error.code)) written.isDamaged = true
}

/**
 * Returns the current path of an open descriptor, which follows renames, or undefined if the file
 * is no longer linked.
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
