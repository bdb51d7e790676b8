import type { Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { own } from './own-fs.js'
import { type ManagedPath, type ManagedPlaces, textOf } from './places.js'

/** Links that the system follows in one path. */
const MOST_LINKS = 40
/** Directories whose real place is remembered, and files that are known to be no links. */
const MOST_KNOWN = 1_024

/**
 * Finds managed paths behind symbolic links elsewhere. Directories, and files that are no links,
 * are looked up once, and again after this thread has renamed, linked or removed anything.
 */
export class Links {
  readonly #places: ManagedPlaces
  readonly #known = new Map<string, string>()
  readonly #plain = new Set<string>()

  constructor(places: ManagedPlaces) {
    this.#places = places
  }

  /**
   * The managed path that is written where an argument names one in a directory that is a link;
   * undefined if it is none.
   */
  written(argument: unknown): ManagedPath | undefined {
    const text = textOf(argument)
    if (text === undefined) return undefined
    const path = resolve(text)
    const parent = dirname(path)
    const real = this.#known.get(parent) ?? this.#realOf(parent)
    return real === parent ? undefined : this.#places.locate(join(real, basename(path)))
  }

  /**
   * As `written`, and a link at the very path is followed, as an open does; undefined where nothing
   * stands.
   */
  opened(argument: unknown): ManagedPath | undefined {
    const text = textOf(argument)
    if (text === undefined) return undefined
    const path = resolve(text)
    if (this.#plain.has(path)) return undefined
    const managed = this.written(path)
    if (managed !== undefined) return managed
    const stats = statsOfLink(path)
    if (stats?.isSymbolicLink()) return this.read(path)
    if (stats === undefined) return undefined
    if (this.#plain.size >= MOST_KNOWN) this.#plain.clear()
    this.#plain.add(path)
    return undefined
  }

  /**
   * The managed path that an argument leads to, however many links are on the way; undefined if it
   * is none.
   */
  read(argument: unknown): ManagedPath | undefined {
    let path = textOf(argument)
    for (let links = 0; path !== undefined && links < MOST_LINKS; links++) {
      try {
        path = join(own.realpathSync.native(dirname(resolve(path))), basename(path))
        const managed = this.#places.locate(path)
        if (managed !== undefined || !own.lstatSync(path).isSymbolicLink()) return managed
        path = resolve(dirname(path), own.readlinkSync(path))
      } catch {
        return undefined
      }
    }
    return undefined
  }

  /** Forgets what may have changed. */
  forget(): void {
    this.#known.clear()
    this.#plain.clear()
  }

  /** A directory that is not there yet may be a link once it is. */
  #realOf(directory: string): string {
    try {
      const real = own.realpathSync.native(directory)
      if (this.#known.size >= MOST_KNOWN) this.#known.clear()
      this.#known.set(directory, real)
      return real
    } catch {
      return directory
    }
  }
}

function statsOfLink(path: string): Stats | undefined {
  try {
    return own.lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // The call itself says why.
    return undefined
  }
}
