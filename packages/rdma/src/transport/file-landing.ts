import { statfsSync } from 'node:fs'
import { ACCESS } from '../verbs/constants.js'
import { VerbError } from '../verbs/faults.js'
import { MappedPages } from '../verbs/mapped-pages.js'
import { WINDOW_ACCESS } from '../verbs/memory.js'
import type { SendRequest } from '../verbs/queue-pair.js'
import type { Grant } from './frames.js'
import type { Landing, Promised } from './landing.js'
import type { Link } from './link.js'
import { OpenWindow } from './open-window.js'

/** Bytes of a file that are mapped, registered and granted at once: so many that making it so is little beside filling it, and no more, since nothing else is done meanwhile. */
const STRETCH_BYTES = 4 * 1024 * 1024
/** Stretches at a time: one fills, one is next, and one is made. */
const STRETCHES = 3
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
  #position: number
  /** Made to see whether the file can be mapped. */
  #first: Stretch | undefined

  private constructor(link: Link, fd: number, position: number, left: number) {
    this.#link = link
    this.#fd = fd
    this.#position = position
    this.#first = this.#map(left)
  }

  /** A landing for `left` bytes from `position` on; undefined where the file cannot be mapped or registered, of which storing bytes in another way says more. */
  static open(link: Link, fd: number, position: number, left: number): FileLanding | undefined {
    try {
      return new FileLanding(link, fd, position, left)
    } catch (error) {
      if (error instanceof VerbError) return undefined
      throw error
    }
  }

  /** VerbError, with ENOSPC where the file system is full. */
  next(left: number): Promised | undefined {
    if (this.#first === undefined && this.#stretches.size === STRETCHES) return undefined
    const stretch = this.#first ?? this.#map(left)
    this.#first = undefined
    const read = () => this.#retire(stretch)
    const { length } = stretch.grant
    return { grant: stretch.grant, part: { length, bytes: undefined, read }, before: [stretch.open()] }
  }

  async withdraw(): Promise<void> {
    for (const stretch of this.#stretches) this.#retire(stretch)
    await Promise.all(this.#retiring)
  }

  leave(): void {}

  #map(left: number): Stretch {
    const stretch = new Stretch(this.#link, this.#fd, this.#position, Math.min(STRETCH_BYTES, left))
    this.#stretches.add(stretch)
    this.#position += stretch.grant.length
    return stretch
  }

  #retire(stretch: Stretch): void {
    if (!this.#stretches.delete(stretch)) return
    const retired = stretch.retire().finally(() => this.#retiring.delete(retired))
    this.#retiring.add(retired)
  }
}

/** Bytes of a file that are mapped and granted together. */
class Stretch {
  readonly grant: Grant
  readonly #pages: MappedPages
  readonly #window: OpenWindow

  constructor(link: Link, fd: number, position: number, length: number) {
    this.#pages = new MappedPages(link.adapter.context, fd, position, length, WINDOW_ACCESS)
    this.#window = new OpenWindow(link, this.#pages, ACCESS.remoteWrite)
    this.grant = { address: this.#pages.address, rkey: this.#window.rkey, length }
  }

  open(): SendRequest {
    return this.#window.open()
  }

  async retire(): Promise<void> {
    await this.#window.withdraw()
    this.#pages[Symbol.dispose]()
  }
}
