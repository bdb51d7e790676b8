import {
  type BigIntStats,
  close,
  closeSync,
  fstat,
  fstatSync,
  lstat,
  lstatSync,
  open,
  openSync,
  read,
  readlink,
  readlinkSync,
  readSync,
  realpath,
  realpathSync,
  stat,
  statSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { DiskPace } from '../files/disk-pace.js'

/** The system calls that serving a file takes. */
export interface FileCalls {
  realpath(path: string): string | Promise<string>
  lstat(path: string): BigIntStats | Promise<BigIntStats>
  stat(path: string): BigIntStats | Promise<BigIntStats>
  open(path: string, flags: number): number | Promise<number>
  fstat(fd: number): BigIntStats | Promise<BigIntStats>
  readlink(path: string): string | Promise<string>
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number | Promise<number>
  close(fd: number): void | Promise<void>
}

const BIGINT = { bigint: true } as const

const inPool = {
  realpath: promisify(realpath.native),
  lstat: promisify(lstat),
  stat: promisify(stat),
  open: promisify(open),
  fstat: promisify(fstat),
  readlink: promisify(readlink),
  read: promisify(read),
  close: promisify(close),
}

/**
 * Tens of microseconds more each, for the way through the thread pool and back, and nobody else
 * waits meanwhile.
 */
const POOLED: FileCalls = {
  realpath: (path) => inPool.realpath(path),
  lstat: (path) => inPool.lstat(path, BIGINT),
  stat: (path) => inPool.stat(path, BIGINT),
  open: (path, flags) => inPool.open(path, flags),
  fstat: (fd) => inPool.fstat(fd, BIGINT),
  readlink: (path) => inPool.readlink(path),
  read: async (fd, buffer, offset, length, position) =>
    (await inPool.read(fd, buffer, offset, length, position)).bytesRead,
  close: (fd) => inPool.close(fd),
}

/** Longest read that may be made inline, in bytes. */
const INLINE_BYTES = 64 * 1024

/**
 * Chooses how calls are made: inline while the files are at hand, through the thread pool for long
 * reads and for a while after a call had to wait.
 */
export class CallChooser {
  readonly #pace: DiskPace

  constructor(pace = new DiskPace()) {
    this.#pace = pace
  }

  /** The calls for everything but long reads. */
  get calls(): FileCalls {
    return this.#pace.isSlow ? POOLED : this.#timed
  }

  /** The calls for a read of so many bytes. */
  forRead(bytes: number): FileCalls {
    return bytes > INLINE_BYTES ? POOLED : this.calls
  }

  /** A few microseconds each where nothing waits for a disk. */
  readonly #timed: FileCalls = {
    realpath: (path) => this.#pace.time(() => realpathSync.native(path)),
    lstat: (path) => this.#pace.time(() => lstatSync(path, BIGINT)),
    stat: (path) => this.#pace.time(() => statSync(path, BIGINT)),
    open: (path, flags) => this.#pace.time(() => openSync(path, flags)),
    fstat: (fd) => this.#pace.time(() => fstatSync(fd, BIGINT)),
    readlink: (path) => this.#pace.time(() => readlinkSync(path)),
    read: (fd, buffer, offset, length, position) =>
      this.#pace.time(() => readSync(fd, buffer, offset, length, position)),
    close: (fd) => this.#pace.time(() => closeSync(fd)),
  }
}
