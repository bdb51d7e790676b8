import { hash, randomBytes } from 'node:crypto'
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DyadError, isDyadError } from '../errors.js'
import { descriptorPath, hasDescriptorPaths } from '../files/descriptor-path.js'
import { hasFileLocks } from '../files/file-lock.js'
import { makeDirectory } from '../files/make-directory.js'
import { NO_BUILD, warnOfMissingLocks } from '../files/missing-locks.js'
import { checkStateDirectory, prepareStateDirectory } from '../user/state-directory.js'
import { LockBell, type Ringing, untilRung } from './lock-bell.js'
import { type Claim, LockTable } from './lock-table.js'

/** How to wait for a lock. */
export interface LockWait {
  /** Ends the wait, which rejects with its reason. */
  readonly signal: AbortSignal
  /** Milliseconds that the holder may make no progress; then the lock is taken away from it. */
  readonly patience: number
  /**
   * Called with the holder's name before it loses the lock; an error that this throws ends the wait
   * instead.
   */
  readonly onStalled?: ((holder: string) => void) | undefined
}

/** A lock that this process took. The taker disposes of it. */
export interface NodeLock extends Disposable {
  /** Whether it is still held: a holder that makes no progress loses it. */
  readonly isHeld: boolean
  /**
   * Takes the lock again if it was lost, and resolves with whether it was. Waits, and rejects, as
   * taking it does.
   */
  regain(): Promise<boolean>
  /** Notifies the waiters of the number of bytes that the work under the lock has stored. */
  progress(bytes: number): void
}

interface Taken {
  readonly table: LockTable
  readonly claim: Claim
  readonly ringing: Ringing
}

/** Longest path of a Unix socket on Linux; other systems take a little less. */
const MAX_SOCKET_PATH_BYTES = 103
/** Longest pause before the next try, where the holder does not answer, in ms. */
const LONGEST_PAUSE_MS = 250
/** The note of a lock's holder: the name of its bell, and its process. */
const HOLDER = /^([0-9a-f]{16}) (process \d+ on host .+)$/
/** The state's file system has no locks. */
const NO_LOCKS = new Set(['ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'ENOLCK', 'EINVAL'])
/** It has no room for their files at this moment. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT'])

/**
 * The locks that the processes of one user share on a host. They lie below the user's directory for
 * state, so that no stranger can take one. The kernel releases a lock with its process, and a
 * waiter hears of that by the end of a connection. Where the system or that file system has no
 * locks, everybody gets them, as while that file system is full. The maker closes it, after its
 * locks.
 */
export class NodeLocks implements Disposable {
  readonly #stateDir: string
  readonly #directory: string
  readonly #id = randomBytes(8).toString('hex')
  readonly #tables = new Map<string, LockTable>()
  /** Undefined until the first lock is taken. */
  #works: boolean | undefined
  #bell: LockBell | undefined
  #descriptor: number | undefined

  private constructor(stateDir: string) {
    this.#stateDir = stateDir
    this.#directory = join(stateDir, 'locks')
  }

  /** Opens the locks below a directory for state. ERR_DYAD_OPTION if that cannot be used. */
  static async open(stateDir: string): Promise<NodeLocks> {
    prepareStateDirectory(stateDir)
    return new NodeLocks(stateDir)
  }

  /**
   * Takes the lock of a name, once no other process of this user on this host, nor other work of
   * this one, holds it. ERR_DYAD_SYSTEM if the files of the locks cannot be opened,
   * ERR_DYAD_OPTION if others could have made the directory for state, EMFILE where no descriptor
   * is free.
   */
  async take(name: string, wait: LockWait): Promise<NodeLock> {
    const digest = hash('sha256', name)
    let taken = await this.#take(digest, wait)
    const release = () => {
      taken?.table.release(taken.claim)
      taken?.ringing.release()
    }
    const isHeld = () => taken === undefined || taken.table.holds(taken.claim)
    return {
      get isHeld() {
        return isHeld()
      },
      regain: async () => {
        if (isHeld()) return false
        release()
        taken = await this.#take(digest, wait)
        return true
      },
      progress: (bytes) => taken?.ringing.progress(bytes),
      [Symbol.dispose]: release,
    }
  }

  [Symbol.dispose](): void {
    this.#bell?.[Symbol.dispose]()
    for (const table of this.#tables.values()) table[Symbol.dispose]()
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#bell = undefined
    this.#tables.clear()
    this.#descriptor = undefined
  }

  /** Undefined where there are no locks. */
  async #take(digest: string, { signal, patience, onStalled }: LockWait): Promise<Taken | undefined> {
    signal.throwIfAborted()
    if (this.#works === undefined) {
      this.#works = hasFileLocks()
      if (!this.#works) warnOfMissingLocks(NO_BUILD)
    }
    let since = performance.now()
    let pause = 1
    let isAnew = false
    while (this.#works) {
      let taken: Taken | string | undefined
      try {
        taken = this.#tryTake(digest)
      } catch (error) {
        // Systems remove directories for state: at a logout, or where temporary files grow old.
        if (isAnew || !isMissing(error)) throw error
        isAnew = true
        this[Symbol.dispose]()
        prepareStateDirectory(this.#stateDir)
        continue
      }
      if (typeof taken !== 'string') return taken
      const [, bell, who = 'a process that has not said which one it is'] = HOLDER.exec(taken) ?? []
      const left = since + patience - performance.now()
      if (left <= 0) {
        onStalled?.(who)
        this.#table(digest).void()
        since = performance.now()
        continue
      }
      const heard = () => {
        since = performance.now()
        pause = 1
      }
      const rung =
        bell === undefined ? 'gone' : await untilRung(this.#bellPath(bell), digest, { patience, left, heard }, signal)
      if (rung !== 'gone') continue
      // The holder has not written its name yet, does not listen yet, or ends at this moment.
      await delay(Math.min(pause, left), undefined, { signal }).catch(() => signal.throwIfAborted())
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    }
    return undefined
  }

  /** The lock, or its holder; undefined where there are no locks, or no room for them now. */
  #tryTake(digest: string): Taken | string | undefined {
    try {
      // Another user may have made one of that name since this user's was removed.
      checkStateDirectory(this.#stateDir)
      const offset = Number.parseInt(digest.slice(1, 13), 16)
      this.#bell ??= this.#listen()
      const table = this.#table(digest)
      const claim = table.take(offset)
      return claim === undefined ? table.holderOf(offset) : { table, claim, ringing: this.#bell.held(digest) }
    } catch (error) {
      if (isDyadError(error)) throw error
      const { code = '' } = error as NodeJS.ErrnoException
      if (NO_ROOM.has(code)) return undefined
      if (NO_LOCKS.has(code)) {
        this.#works = false
        warnOfMissingLocks(`${this.#directory}: ${code}`)
        return undefined
      }
      throw new DyadError('ERR_DYAD_SYSTEM', { path: this.#directory, cause: error })
    }
  }

  /** Locks are in sixteen files, so that few suffer with one that is taken away. */
  #table(digest: string): LockTable {
    return this.#tableOf(digest.slice(0, 1))
  }

  #tableOf(name: string): LockTable {
    let table = this.#tables.get(name)
    if (table === undefined) {
      table = new LockTable(join(this.#directory, name), `${this.#id} process ${process.pid} on host ${hostname()}`)
      this.#tables.set(name, table)
    }
    return table
  }

  /**
   * A bell is there before the first lock is held, and its name is locked for as long as it is
   * there.
   */
  #listen(): LockBell {
    makeDirectory(this.#directory, 0o700)
    const bells = this.#tableOf('bells')
    bells.take(bellOffset(this.#id))
    for (const name of readdirSync(this.#directory)) {
      const [, id] = /^([0-9a-f]{16})\.sock$/.exec(name) ?? []
      const dead = id === undefined ? undefined : bells.take(bellOffset(id))
      if (dead === undefined) continue
      // A process that was killed left it.
      rmSync(join(this.#directory, name), { force: true })
      bells.release(dead)
    }
    return new LockBell(this.#bellPath(this.#id))
  }

  #bellPath(id: string): string {
    const path = join(this.#directory, `${id}.sock`)
    if (!hasDescriptorPaths || Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path
    this.#descriptor ??= openSync(this.#directory, 'r')
    return `${descriptorPath(this.#descriptor)}/${id}.sock`
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof DyadError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}

function bellOffset(id: string): number {
  return Number.parseInt(id.slice(0, 12), 16)
}
