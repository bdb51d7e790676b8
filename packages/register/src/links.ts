import type { Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { own } from './own-fs.js'
import { type ManagedPath, type ManagedPlaces, textOf } from './places.js'

/** Most links that the system follows in one path. */
const MOST_LINKS = 40
/** Most directories with a known real path, and most files known to be no links. */
const MOST_KNOWN = 1_024

/**
 * Finds managed paths behind symbolic links elsewhere. It looks up directories, and files that are
 * no links, once, and again after this thread has renamed, linked or removed anything.
 */
export class Links {
  readonly #places: ManagedPlaces
  readonly #known = new Map<string, string>()
  readonly #plain = new Set<string>()

  constructor(places: ManagedPlaces) {
    this.#places = places
  }

  /** Returns the managed path of an argument whose directory may be a link, or undefined. */
  written(argument: unknown): ManagedPath | undefined {
    const text = textOf(argument)
    if (text === undefined) return undefined
    const path = resolve(text)
    const parent = dirname(path)
    const real = this.#known.get(parent) ?? this.#realOf(parent)
    return real === parent ? undefined : this.#places.locate(join(real, basename(path)))
  }

  /**
   * As `written`, but follows a link at the path itself, as an open does. Returns undefined if
   * nothing stands there.
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
   * Returns the managed path that an argument leads to through any number of links, or undefined.
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

  /** Forgets paths that may have changed. */
  forget(): void {
    this.#known.clear()
    this.#plain.clear()
  }

  /** A missing directory may later be a link. */
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
    // The call itself reports the error.
    return undefined
  }
}
