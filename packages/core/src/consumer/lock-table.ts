import { closeSync, constants, fstatSync, openSync, readSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { tryLock, unlock } from '../files/file-lock.js'

/**
 * Each lock has a slot in the file, with a note of its holder. Locks share slots: a note is a hint,
 * not the lock.
 */
const SLOTS = 1024
const SLOT_BYTES = 128

/** A lock that was taken: a range of one open file. */
export interface Claim {
  readonly fd: number
  readonly offset: number
}

/**
 * Many locks in one file. Each locks one byte of it, which takes two microseconds and leaves
 * nothing to clean up, and the kernel releases it with the process. Removing the file takes all its
 * locks away: the next process that takes one makes the file anew. The maker of a table closes it.
 */
export class LockTable implements Disposable {
  readonly #path: string
  readonly #holder: string
  readonly #claims = new Map<number, Claim>()
  #fd: number | undefined

  /** @param holder the text that stands beside each lock that is taken, at most 128 bytes */
  constructor(path: string, holder: string) {
    this.#path = path
    this.#holder = holder.slice(0, SLOT_BYTES).padEnd(SLOT_BYTES)
  }

  /**
   * Takes a lock, or returns undefined if it is held already. Throws a system error if the file
   * cannot be opened, or its file system has no locks.
   */
  take(offset: number): Claim | undefined {
    for (;;) {
      const fd = this.#open()
      const before = this.#claims.get(offset)
      const isTaken = before?.fd === fd || !tryLock(fd, { offset, length: 1 })
      // A file that was removed is not where others look.
      if (fstatSync(fd).nlink === 0) {
        this.#close()
        continue
      }
      if (isTaken) return undefined
      const claim = { fd, offset }
      this.#claims.set(offset, claim)
      this.#note(fd, slotOf(offset))
      return claim
    }
  }

  /** Whether nobody has taken the lock away. */
  holds(claim: Claim): boolean {
    return this.#claims.get(claim.offset) === claim && claim.fd === this.#fd && fstatSync(claim.fd).nlink > 0
  }

  /** Releases a lock, if it is still held. */
  release(claim: Claim): void {
    if (this.#claims.get(claim.offset) !== claim) return
    this.#claims.delete(claim.offset)
    if (claim.fd === this.#fd) unlock(claim.fd, { offset: claim.offset, length: 1 })
  }

  /**
   * The note of the last one to take a lock, or another lock of the same slot. The caller checks
   * it.
   */
  holderOf(offset: number): string {
    const bytes = Buffer.alloc(SLOT_BYTES)
    return bytes.toString('latin1', 0, readSync(this.#open(), bytes, 0, SLOT_BYTES, slotOf(offset))).trim()
  }

  /** Takes all locks of the file away from their holders. */
  void(): void {
    const { ino } = fstatSync(this.#open())
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(this.#path)
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #note(fd: number, slot: number): void {
    try {
      writeSync(fd, this.#holder, slot)
    } catch {
      // The disk is full. This process holds the lock all the same; waiters do not learn its name.
    }
  }

  #open(): number {
    const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
    this.#fd ??= openSync(this.#path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
    return this.#fd
  }

  #close(): void {
    if (this.#fd === undefined) return
    closeSync(this.#fd)
    this.#fd = undefined
    this.#claims.clear()
  }
}

function slotOf(offset: number): number {
  return (offset % SLOTS) * SLOT_BYTES
}
