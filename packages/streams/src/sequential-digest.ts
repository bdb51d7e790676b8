import fs from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { FileDigest } from '@dyad-ts/core'
import { RunningDigest } from '@dyad-ts/core/internal'

type Position = number | null | undefined

/** Bytes to pass before others have a turn. */
const TURN_BYTES = 1024 * 1024

/**
 * The digest of a new file while it is written in order, one write after the other. It is lost with
 * the first write to another place, during another write, or with unknown bytes.
 */
export class SequentialDigest {
  #running: RunningDigest | undefined = new RunningDigest()
  /** The place of the next write without a position. A write with a position does not move it. */
  #next = 0
  #isWriting = false

  /** Undefined once it is lost. */
  get digest(): FileDigest | undefined {
    return this.#running?.digest
  }

  /** Loses the digest: the file, or its position, may have changed. */
  lose(): void {
    this.#running = undefined
  }

  /**
   * Passes these few bytes, which were written at `position`, or where the last write without a
   * position ended.
   */
  wrote(bytes: Uint8Array, position: Position): void {
    this.#expect(position)
    this.#running?.pass(bytes)
    if (typeof position !== 'number') this.#next += bytes.length
  }

  /** Begins a write. The caller calls the returned function when the write has ended. */
  begin(): () => void {
    if (this.#isWriting) this.lose()
    this.#isWriting = true
    return () => {
      this.#isWriting = false
    }
  }

  /**
   * Passes these bytes while they are written at `position`, or where the last write without a
   * position ended. The caller calls the returned function with the number of written bytes. Its
   * promise resolves when exactly those have passed.
   */
  writing(pieces: readonly Uint8Array[], position: Position): (written: number) => Promise<void> {
    const end = this.begin()
    this.#expect(position)
    const before = this.#running?.fork()
    const passed = this.#passInTurns(pieces)
    return async (written) => {
      await passed
      const all = pieces.reduce((bytes, piece) => bytes + piece.length, 0)
      if (written !== all && this.#running !== undefined) {
        this.#running = before
        await this.#passInTurns(firstOf(pieces, written))
      }
      if (typeof position !== 'number') this.#next += written
      end()
    }
  }

  /** As fs.write. The callback has a tick of its own, so that its exception rejects no promise. */
  readonly write = (
    fd: number,
    data: Uint8Array,
    offset: number,
    length: number,
    position: Position,
    done: (error: NodeJS.ErrnoException | null, written: number, data: Uint8Array) => void,
  ): void => {
    const ended = this.writing([data.subarray(offset, offset + length)], position)
    fs.write(fd, data, offset, length, position ?? null, (error, written) => {
      void ended(error ? 0 : written).then(() => process.nextTick(done, error, written, data))
    })
  }

  /** As fs.writev. Its callback is called as that of `write`. */
  readonly writev = (
    fd: number,
    pieces: readonly Uint8Array[],
    position: Position,
    done: (error: NodeJS.ErrnoException | null, written: number, pieces: readonly Uint8Array[]) => void,
  ): void => {
    const ended = this.writing(pieces, position)
    fs.writev(fd, pieces, position ?? null, (error, written) => {
      void ended(error ? 0 : written).then(() => process.nextTick(done, error, written, pieces))
    })
  }

  #expect(position: Position): void {
    if ((position ?? this.#next) !== this.#running?.length) this.lose()
  }

  /** Passes a piece of many, and gives others a turn before the next. */
  async #passInTurns(pieces: readonly Uint8Array[]): Promise<void> {
    let sinceTurn = 0
    for (const piece of pieces) {
      for (let at = 0; at < piece.length && this.#running !== undefined; at += TURN_BYTES) {
        if (sinceTurn >= TURN_BYTES) {
          await turn()
          sinceTurn = 0
        }
        const part = piece.subarray(at, at + TURN_BYTES)
        this.#running?.pass(part)
        sinceTurn += part.length
      }
    }
  }
}

/** Returns the first `length` bytes of some pieces. */
function firstOf(pieces: readonly Uint8Array[], length: number): Uint8Array[] {
  let left = length
  return pieces.map((piece) => {
    const part = piece.subarray(0, left)
    left -= part.length
    return part
  })
}
