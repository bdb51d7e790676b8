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

/**
 * Most bytes of a file that are mapped, registered and granted at once. A stretch costs the
 * programs as much time as two megabytes of pages cost the kernel; README.md has the measurements.
 */
const STRETCH_BYTES = 8 * 1024 * 1024
/** Most stretches at once: one fills while the next is made. */
const STRETCHES = 2
/** Type of a tmpfs in statfs(2). */
const TMPFS_MAGIC = 0x0102_1994

/**
 * Returns true if the pages of an open file are the file itself, so that bytes that a device writes
 * there are stored.
 */
export function isInMemory(fd: number): boolean {
  return statfsSync(`/proc/self/fd/${fd}`).type === TMPFS_MAGIC
}

/** A landing in the file where the bytes belong: its pages are mapped, a stretch at a time. */
export class FileLanding implements Landing {
  readonly #link: Link
  readonly #fd: number
  /** Position in the file at which the transfer ends. */
  readonly #end: number
  readonly #stretches = new Set<Stretch>()
  readonly #retiring = new Set<Promise<void>>()
  /** The stretch that `open` made to find out whether the file can be mapped. */
  #first: Stretch | undefined

  private constructor(link: Link, fd: number, end: number) {
    this.#link = link
    this.#fd = fd
    this.#end = end
  }

  /**
   * Returns a landing for the last `left` bytes of a transfer, which begin at `position`. Returns
   * undefined if the file cannot be mapped or registered. If the cause is a fault, storing the
   * bytes in another way fails with it.
   */
  static open(link: Link, fd: number, position: number, left: number): FileLanding | undefined {
    const landing = new FileLanding(link, fd, position + left)
    landing.#first = landing.#map(left)
    return landing.#first && landing
  }

  next(left: number): Promised | undefined {
    const stretch = this.#first ?? (this.#stretches.size < STRETCHES ? this.#map(left) : undefined)
    this.#first = undefined
    if (stretch === undefined) return undefined
    const { grant } = stretch
    const part = { length: grant.length, bytes: undefined, read: () => this.#retire(stretch) }
    return { grant, part, before: [stretch.open()] }
  }

  async withdraw(): Promise<void> {
    for (const stretch of this.#stretches) this.#retire(stretch)
    await Promise.all(this.#retiring)
  }

  leave(): void {}

  /** Maps a stretch. Returns undefined without memory to lock, or room in the file system. */
  #map(left: number): Stretch | undefined {
    try {
      const stretch = new Stretch(this.#link, this.#fd, this.#end - left, Math.min(STRETCH_BYTES, left))
      this.#stretches.add(stretch)
      return stretch
    } catch (error) {
      if (error instanceof VerbError) return undefined
      throw error
    }
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
