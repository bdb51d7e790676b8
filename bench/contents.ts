import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A file of the bench: its managed path, its size, and a number from which its bytes follow. */
export interface BenchFile {
  readonly path: string
  readonly size: number
  readonly seed: number
}

/** `edges` compares length, beginning and end, which costs nothing; `all` every byte. */
export type Check = 'edges' | 'all'

const BLOCK = 1024 * 1024
const EDGE = 64

/**
 * Bytes that look random, the same in every process. Twice a block, so that a block may begin
 * anywhere in the first half.
 */
const pattern = (() => {
  const words = new Uint32Array((2 * BLOCK) / 4)
  let state = 1
  for (let i = 0; i < words.length / 2; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[i] = state
  }
  words.copyWithin(words.length / 2, 0, words.length / 2)
  return Buffer.from(words.buffer)
})()

/** The bytes of a file from `start` on, up to a block of them; the memory is shared. */
function bytesOf({ size, seed }: BenchFile, start: number): Buffer {
  const place = (start + seed * 4099) % BLOCK
  return pattern.subarray(place, place + Math.min(BLOCK, size - start))
}

/**
 * Writes a file below `directory`; with `sparse`, only its beginning and its end, and it takes next
 * to no space.
 */
export function writeContents(directory: string, file: BenchFile, sparse = false): void {
  const local = `${directory}/${file.path}`
  mkdirSync(dirname(local), { recursive: true })
  const fd = openSync(local, 'w')
  try {
    ftruncateSync(fd, file.size)
    if (sparse) {
      writeSync(fd, bytesOf(file, 0).subarray(0, EDGE), 0, undefined, 0)
      const start = Math.max(0, file.size - EDGE)
      writeSync(fd, bytesOf(file, start), 0, undefined, start)
    } else {
      for (let start = 0; start < file.size; start += BLOCK) writeSync(fd, bytesOf(file, start), 0, undefined, start)
    }
  } finally {
    closeSync(fd)
  }
}

/** All bytes of a small file. */
export function contentsOf(file: BenchFile): Buffer {
  const blocks: Buffer[] = []
  for (let start = 0; start < file.size; start += BLOCK) blocks.push(bytesOf(file, start))
  return Buffer.concat(blocks)
}

/** Checks the bytes of a file as they come, and counts them. */
export class Checker {
  readonly #file: BenchFile
  readonly #check: Check
  #arrived = 0
  #last: Buffer = Buffer.alloc(0)

  constructor(file: BenchFile, check: Check) {
    this.#file = file
    this.#check = check
  }

  /** Takes the next bytes, which must stay as they are until the next call. */
  take(chunk: Buffer): void {
    if (this.#check === 'all') this.#compare(chunk, this.#arrived)
    else if (this.#arrived === 0) this.#compare(chunk.subarray(0, EDGE), 0)
    this.#arrived += chunk.length
    this.#last = chunk
  }

  /** Throws unless the whole file came. */
  end(): void {
    const { path, size } = this.#file
    if (this.#arrived !== size) throw new Error(`${path}: ${this.#arrived} bytes came instead of ${size}`)
    const edge = this.#last.subarray(-EDGE)
    this.#compare(edge, size - edge.length)
  }

  #compare(bytes: Buffer, start: number): void {
    for (let at = 0; at < bytes.length; ) {
      const expected = bytesOf(this.#file, start + at)
      const part = bytes.subarray(at, at + BLOCK)
      if (!part.equals(expected.subarray(0, part.length))) {
        throw new Error(`${this.#file.path}: wrong bytes at ${start + at}`)
      }
      at += part.length
    }
  }
}

/** `count` files of one size, numbered as the frames of a run are. */
export function frames(count: number, size: number, group = 'group0'): BenchFile[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `${group}/frame-${String(i + 1).padStart(6, '0')}.dat`,
    size,
    seed: i + 1,
  }))
}
