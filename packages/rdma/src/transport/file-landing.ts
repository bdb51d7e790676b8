import { statfsSync } from 'node:fs'
import { ACCESS } from '../verbs/constants.js'
import { VerbError } from '../verbs/faults.js'
import { MappedPages } from '../verbs/mapped-pages.js'
import { WINDOW_ACCESS } from '../verbs/memory.js'
import type { Landing, Promised } from './landing.js'
import type { Link } from './link.js'
import { OpenWindow } from './open-window.js'

/** Bytes of a file that are mapped and registered at once. */
const STRETCH_BYTES = 8 * 1024 * 1024
/** Stretches that are mapped at a time: one fills while the next is made. */
const STRETCHES = 2
/** Longest part, in bytes. */
const PART_BYTES = 4 * 1024 * 1024
/** statfs(2): of a file system whose pages are the file. */
const TMPFS_MAGIC = 0x0102_1994

/** Whether the pages of an open file are the file itself, so that what a device writes there needs no storing. */
export function isInMemory(fd: number): boolean {
  return statfsSync(`/proc/self/fd/${fd}`).type === TMPFS_MAGIC
}

/** A landing in the file where the bytes belong: its pages are mapped, a stretch at a time. */
export class FileLanding implements Landing {
  readonly #link: Link
  readonly #fd: number
  readonly #stretches = new Set<Stretch>()
  readonly #retiring = new Set<Promise<void>>()
  #filling: Stretch | undefined
  #position: number

  private constructor(link: Link, fd: number, position: number) {
    this.#link = link
    this.#fd = fd
    this.#position = position
  }

  /** A landing for `left` bytes from `position` on; undefined where the file cannot be mapped or registered, of which storing bytes in another way says more. */
  static open(link: Link, fd: number, position: number, left: number): FileLanding | undefined {
    const landing = new FileLanding(link, fd, position)
    try {
      landing.#map(left)
      return landing
    } catch (error) {
      if (error instanceof VerbError) return undefined
      throw error
    }
  }

  /** VerbError, with ENOSPC where the file system is full. */
  next(left: number): Promised | undefined {
    if (this.#filling === undefined || this.#filling.isGranted) {
      if (this.#stretches.size === STRETCHES) return undefined
      this.#map(left)
    }
    return this.#filling?.next()
  }

  async withdraw(): Promise<void> {
    for (const stretch of this.#stretches) this.#retire(stretch)
    await Promise.all(this.#retiring)
  }

  leave(): void {}

  #map(left: number): void {
    const length = Math.min(STRETCH_BYTES, left)
    this.#filling = new Stretch(this.#link, this.#fd, this.#position, length, (stretch) => this.#retire(stretch))
    this.#stretches.add(this.#filling)
    this.#position += length
  }

  #retire(stretch: Stretch): void {
    if (!this.#stretches.delete(stretch)) return
    const retired = stretch.retire().finally(() => this.#retiring.delete(retired))
    this.#retiring.add(retired)
  }
}

/** Bytes of a file that are mapped together. */
class Stretch {
  readonly #pages: MappedPages
  readonly #window: OpenWindow
  readonly #onFull: (stretch: Stretch) => void
  #granted = 0
  #filled = 0

  constructor(link: Link, fd: number, position: number, length: number, onFull: (stretch: Stretch) => void) {
    this.#pages = new MappedPages(link.adapter.context, fd, position, length, WINDOW_ACCESS)
    this.#window = new OpenWindow(link, this.#pages, ACCESS.remoteWrite)
    this.#onFull = onFull
  }

  get isGranted(): boolean {
    return this.#granted === this.#pages.length
  }

  next(): Promised {
    const before = this.#granted === 0 ? [this.#window.open()] : []
    const length = Math.min(PART_BYTES, this.#pages.length - this.#granted)
    const grant = { address: this.#pages.address + this.#granted, rkey: this.#window.rkey, length }
    this.#granted += length
    return { grant, part: { length, bytes: undefined, read: () => this.#read(length) }, before }
  }

  async retire(): Promise<void> {
    await this.#window.withdraw()
    this.#pages[Symbol.dispose]()
  }

  #read(length: number): void {
    this.#filled += length
    if (this.#filled === this.#pages.length) this.#onFull(this)
  }
}
