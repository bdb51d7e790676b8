import fs from 'node:fs'
import { type FileDigest, RunningDigest } from '@dyad/core'

type Position = number | null | undefined

/**
 * The digest of a new file while it is written from its beginning to its end, one write after the other. It is lost with
 * the first write that goes elsewhere, that begins while another is under way, or of which the bytes are not known here.
 */
export class SequentialDigest {
  #running: RunningDigest | undefined = new RunningDigest()
  /** Where a write without a position goes: one with a position does not move it. */
  #next = 0
  #isWriting = false

  /** Undefined once it is lost. */
  get digest(): FileDigest | undefined {
    return this.#running?.digest
  }

  /** Something else may have been done to the file, or to the position at which it is written. */
  lose(): void {
    this.#running = undefined
  }

  /** These bytes were written at `position`, or where the last write without a position ended. */
  wrote(bytes: Uint8Array, position: Position): void {
    if ((position ?? this.#next) !== this.#running?.length) this.lose()
    this.#running?.pass(bytes)
    if (typeof position !== 'number') this.#next += bytes.length
  }

  /** A write begins; whoever says so calls what it returns when the write has ended. */
  begin(): () => void {
    if (this.#isWriting) this.lose()
    this.#isWriting = true
    return () => {
      this.#isWriting = false
    }
  }

  /** As fs.write. */
  readonly write = (
    fd: number,
    data: Uint8Array,
    offset: number,
    length: number,
    position: Position,
    done: (error: NodeJS.ErrnoException | null, written: number, data: Uint8Array) => void,
  ): void => {
    const end = this.begin()
    fs.write(fd, data, offset, length, position ?? null, (error, written) => {
      end()
      if (!error) this.wrote(data.subarray(offset, offset + written), position)
      done(error, written, data)
    })
  }

  /** As fs.writev. */
  readonly writev = (
    fd: number,
    pieces: readonly Uint8Array[],
    position: Position,
    done: (error: NodeJS.ErrnoException | null, written: number, pieces: readonly Uint8Array[]) => void,
  ): void => {
    const end = this.begin()
    fs.writev(fd, pieces, position ?? null, (error, written) => {
      end()
      if (!error) this.wrotePieces(pieces, written, position)
      done(error, written, pieces)
    })
  }

  /** As `wrote`, of the first `written` bytes of some pieces. */
  wrotePieces(pieces: readonly Uint8Array[], written: number, position: Position): void {
    let done = 0
    for (const piece of pieces) {
      const part = piece.subarray(0, written - done)
      this.wrote(part, typeof position === 'number' ? position + done : position)
      done += part.length
    }
  }
}
