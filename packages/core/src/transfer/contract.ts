import type { DyadError } from '../errors.js'

/**
 * The contract of a transport (DYAD's data transport layer). An implementation is one source file
 * and a test of three lines that runs `transportConformance` of `@dyad-ts/core/conformance` against
 * it.
 *
 * Errors are DyadErrors: ERR_DYAD_GONE (no such file), ERR_DYAD_CHANGED (another version than asked
 * for, also when it changes while it is read), ERR_DYAD_REFUSED (escape, no regular file, not a
 * served directory, range out of bounds), ERR_DYAD_OWNER_UNREACHABLE (nobody listens at the
 * address), ERR_DYAD_TRANSFER (cut off midway), ERR_DYAD_DENIED, ERR_DYAD_PROTOCOL,
 * ERR_DYAD_CLOSED, and ERR_DYAD_RDMA_UNAVAILABLE (this host cannot use the transport at all).
 */

/** Longest chunk that a Transfer yields, in bytes. */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024

/** Names one version of one file at its owner. */
export interface FileVersion {
  /** The managed directory at the owner: its absolute path there, symbolic links resolved. */
  readonly storage: string
  /** Managed path: `/`-separated, normalized. */
  readonly path: string
  /** Bytes, as published. */
  readonly size: number
  /** Modification time in nanoseconds since 1970, as published. */
  readonly mtimeNs: bigint
}

/** Asks for one version of a file, or for a part of it. */
export interface FetchRequest extends FileVersion {
  /** First byte wanted. @default 0 */
  readonly start?: number | undefined
  /** One past the last byte wanted. @default size */
  readonly end?: number | undefined
}

/** An open file on the owner's node. The caller that opened it closes it. */
export interface SourceFile extends AsyncDisposable {
  /**
   * Fills `buffer` with the bytes from `position` on; returns how many. ERR_DYAD_CHANGED if the
   * file ends early.
   */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Throws ERR_DYAD_CHANGED if the file is no longer the version that was opened. */
  verify(): Promise<void>
  /** Closes the file. */
  close(): Promise<void>
  /**
   * Its descriptor, valid until it is closed, where the file is one of this system: for transports
   * that map it.
   */
  readonly fd?: number | undefined
}

/**
 * A managed directory as its node sees it. A process with the same `dev` and `ino` sees the same
 * directory.
 */
export interface SourceDirectory {
  /** Absolute path, symbolic links resolved. */
  readonly path: string
  readonly dev: bigint
  readonly ino: bigint
}

/** The files that a node serves. A transport opens files only through it. */
export interface FileSource {
  readonly directories: readonly SourceDirectory[]
  /** Opens exactly the version asked for. ERR_DYAD_GONE, ERR_DYAD_CHANGED, ERR_DYAD_REFUSED. */
  open(version: FileVersion): Promise<SourceFile>
}

/**
 * The address that a transport's server advertises. Only that transport reads it. At most 16 KiB.
 */
export type TransportAddress = string

/** The serving side of a transport. The caller that started it closes it. */
export interface TransportServer extends AsyncDisposable {
  readonly address: TransportAddress
  /** Ends every transfer under way and stops listening. Closing twice is no error. */
  close(): Promise<void>
}

/** Options of {@link Transport.fetch}. */
export interface FetchOptions {
  /**
   * Ends the transfer early; calls that wait for it reject with the signal's reason. @default none
   */
  signal?: AbortSignal | undefined
}

/**
 * One transfer under way, with all its state. Iterate it once: the chunks arrive in order, add up
 * to `size` bytes, and the last is handed over only after the owner verified that the file did not
 * change. A chunk's memory belongs to the reader until it asks for the next one. A reader that
 * stops early ends the transfer; a reader that is slow stops the sender.
 */
export interface Transfer extends AsyncDisposable {
  /** Bytes that this transfer delivers. */
  readonly size: number
  /** Delivers the bytes in their order; a chunk is the reader's until it asks for the next one. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined>
  /**
   * Instead of iterating: fills the open, empty file `fd` with the whole file, where the transport
   * can do so without passing the bytes through this process. Only present when the caller asked
   * for the whole file. The caller keeps the descriptor, and may close it as soon as this settles.
   * @param passed gets the bytes of the file in order, from the first on, as far as they pass this
   *   process; they stay the transport's
   */
  copyTo?(fd: number, passed?: (bytes: Uint8Array) => void): Promise<void>
  /**
   * Instead of iterating: receives straight into the pages of the open file `fd`, from its byte
   * `position` on. Yields how many more bytes stand there, in order and at most MAX_CHUNK_BYTES at
   * a time; the last only after the owner verified them, and can change none of them any more.
   * Undefined where that cannot be done, or is not worth it, with this file. The descriptor is the
   * caller's, is open for reading and writing, and stays open until the iteration has ended.
   */
  receiveInto?(fd: number, position: number): AsyncIterable<number> | undefined
  /**
   * Returns a new descriptor of the very file that is transferred, to read it before the transfer
   * ends. Its bytes are verified only by `copyTo` or by the last chunk. The caller closes the
   * descriptor. Only present where this process can open the file.
   */
  openHere?(): number
  /** Resolves with whether `target` is the very file to transfer, so that nothing needs to move. */
  isAt?(target: string): Promise<boolean>
  /** Ends the transfer; nothing is read at the owner after it. */
  close(): Promise<void>
}

/**
 * Moves files between nodes. Any number of transfers run at once. The caller that made it closes
 * it.
 */
export interface Transport extends AsyncDisposable {
  /** The name in the registry and in DYAD_DTL_MODE. */
  readonly name: string
  /**
   * The reason why this host cannot use the transport, as far as that is known: an
   * ERR_DYAD_RDMA_UNAVAILABLE, with which `serve` and `fetch` then reject. The transport keeps the
   * answer. @default undefined: it needs nothing but Node
   */
  readonly unavailable?: DyadError | undefined
  /**
   * Answers fetches on the owner's node with the files of `source`. With ERR_DYAD_RDMA_UNAVAILABLE,
   * which it may find out only here, a service leaves the transport out and reports it; any other
   * error fails the start of the service.
   */
  serve(source: FileSource): Promise<TransportServer>
  /**
   * Why this side can never fetch from that address, as a clause for a person
   * (`its files are not on this host`), or undefined if it may. It asks nobody over a network, and
   * leaves to the caller what `unavailable` says. Where no descriptor is free it rejects with that
   * error of the system, for the caller to try again. A service that has ended is no obstacle but a
   * failure of `fetch`, after which the consumer waits for the next one.
   */
  obstacle(address: TransportAddress, storage: string): Promise<string | undefined>
  /**
   * Begins a transfer; resolves when the owner has opened the file. After an error that is not of
   * the file the next transport is tried.
   */
  fetch(address: TransportAddress, request: FetchRequest, options?: FetchOptions): Promise<Transfer>
  /**
   * Closes every connection and ends every transfer it fetches; the callers that started servers
   * close them.
   */
  close(): Promise<void>
}
