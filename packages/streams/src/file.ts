import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { Interface } from 'node:readline'
import type { DyadCore, FileRecord, StagedFile, Waiting } from '@dyad-ts/core'
import { descriptorClosed, flatOptions, milliseconds, reads, withDescriptors, writes } from '@dyad-ts/core/internal'
import { consumeToOpen } from './consume-to-open.js'
import { type FileReadStreamOptions, FileStreams, type FileWriteStreamOptions } from './file-streams.js'
import { numericFlags, type OpenFlags } from './flags.js'
import { openToWrite } from './open-to-write.js'
import { SequentialDigest } from './sequential-digest.js'
import { trackHandle, type WritingMethod } from './track-handle.js'
import { assertUnmanaged } from './unmanaged.js'

/** Options of {@link DyadFile.open}. */
export interface DyadFileOptions extends Waiting {
  /**
   * Longest wait for an unpublished file, in ms. 0 and Infinity wait without end.
   * @default the option `timeout` of the session
   */
  timeout?: number | undefined
}

/**
 * A FileHandle of node:fs/promises, for a file that is consumed when it is opened for reading, and
 * published when it is closed after writing. The caller closes it. Disposing of it before that
 * abandons it and publishes nothing.
 */
export class DyadFile implements AsyncDisposable {
  readonly #handle: FileHandle
  readonly #staged: StagedFile | undefined
  readonly #streams: FileStreams
  readonly #digest: SequentialDigest | undefined
  #changed: boolean
  #closing: Promise<void> | undefined
  #record: FileRecord | undefined

  private constructor(handle: FileHandle, staged?: StagedFile, isNew = false) {
    this.#handle = handle
    this.#staged = staged
    this.#streams = new FileStreams(handle.fd)
    this.#changed = isNew
    this.#digest = isNew ? new SequentialDigest() : undefined
  }

  /**
   * Opens a file as fs.promises.open does, with the flags of node:fs. Reading consumes a file of
   * the consumer-managed directory first: 'r' and 'r+' wait until it is published, 'a+' fetches a
   * published file but does not wait, 'w' and 'w+' fetch nothing. 'r+' and 'a+' do so only if the
   * changed file, which is in the producer-managed directory if the path is, is the one in the
   * consumer-managed directory. Errors are those of DyadCore.consume and of node:fs.
   * @param mode permissions of a new file, less the process's umask; 0o666 by default
   */
  static async open(
    core: DyadCore,
    path: string | URL,
    flags: OpenFlags = 'r',
    mode?: number,
    given: DyadFileOptions = {},
  ): Promise<DyadFile> {
    const options = flatOptions(given)
    options.signal?.throwIfAborted()
    if (options.timeout !== undefined) milliseconds('timeout', options.timeout)
    const numeric = numericFlags(flags)
    if (!writes(numeric))
      return new DyadFile(await openHandle(await consumeToOpen(core, path, numeric, options), flags, mode, options))
    const produced = await core.locateProduced(path)
    // A change of a fetched file would publish nothing.
    if (produced === undefined) assertUnmanaged(core, path, 'producer')
    if (reads(numeric)) {
      const consumed = await core.locateConsumed(path)
      const isOther = produced !== undefined && consumed?.local !== produced.local
      const found = isOther ? path : await consumeToOpen(core, path, numeric, options)
      if (produced === undefined) return new DyadFile(await openHandle(found, flags, mode, options))
    }
    const { opened, staged, isNew } = await openToWrite(core, path, numeric, mode, options, (at, how) =>
      open(at, how, mode),
    )
    return new DyadFile(opened, staged, isNew)
  }

  /** The file descriptor. It stays the file's to close. */
  get fd(): number {
    this.#digest?.lose()
    return this.#handle.fd
  }

  /**
   * The published record. Undefined before the close, if nothing was written, and with
   * `asyncPublish`.
   */
  get record(): FileRecord | undefined {
    return this.#record
  }

  /** FileHandle.read. */
  get read(): FileHandle['read'] {
    return this.#reading('read')
  }

  /** FileHandle.readv. */
  get readv(): FileHandle['readv'] {
    return this.#reading('readv')
  }

  /** FileHandle.readFile. */
  get readFile(): FileHandle['readFile'] {
    return this.#reading('readFile')
  }

  /** FileHandle.stat. */
  get stat(): FileHandle['stat'] {
    return this.#bound('stat')
  }

  /** FileHandle.sync. */
  get sync(): FileHandle['sync'] {
    return this.#bound('sync')
  }

  /** FileHandle.datasync. */
  get datasync(): FileHandle['datasync'] {
    return this.#bound('datasync')
  }

  /** FileHandle.write. */
  get write(): FileHandle['write'] {
    return this.#writing('write')
  }

  /** FileHandle.writev. */
  get writev(): FileHandle['writev'] {
    return this.#writing('writev')
  }

  /** FileHandle.writeFile. */
  get writeFile(): FileHandle['writeFile'] {
    return this.#writing('writeFile')
  }

  /** FileHandle.appendFile. */
  get appendFile(): FileHandle['appendFile'] {
    return this.#writing('appendFile')
  }

  /** FileHandle.truncate. */
  get truncate(): FileHandle['truncate'] {
    return this.#writing('truncate')
  }

  /** FileHandle.chmod. Publishing includes the permissions. */
  get chmod(): FileHandle['chmod'] {
    return this.#changing('chmod')
  }

  /** FileHandle.utimes. Publishing includes the modification time. */
  get utimes(): FileHandle['utimes'] {
    return this.#changing('utimes')
  }

  /** FileHandle.readLines, but the file stays open after the last line. */
  readLines(options?: FileReadStreamOptions): Interface & AsyncIterable<string> {
    this.#digest?.lose()
    return this.#streams.lines(options)
  }

  /**
   * FileHandle.createReadStream, but the file stays open after the stream's end. Closing the file
   * destroys the stream.
   */
  createReadStream(options?: FileReadStreamOptions) {
    this.#digest?.lose()
    return this.#streams.reader(options)
  }

  /**
   * FileHandle.createWriteStream, but the file stays open after the stream's end. Only `close()`
   * publishes; it ends the stream first.
   */
  createWriteStream(options?: FileWriteStreamOptions) {
    this.#changed = true
    return this.#streams.writer(options, this.#digest)
  }

  /**
   * Closes the file. If it was written to or is new, publishes it and resolves once every consumer
   * can see it. Closing twice is no error. Errors are those of DyadCore.produce; the file is closed
   * nevertheless.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close(this.#changed)
    return this.#closing
  }

  /**
   * Closes the file, publishes nothing, and removes a file that was written anew. Does nothing
   * after `close()`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(false)
      await this.#closing
    }
    // The caller of close() gets its error.
    await this.#closing.catch(() => {})
  }

  async #close(publishing: boolean): Promise<void> {
    let published = false
    try {
      await this.#closeHandle(publishing)
      if (publishing) this.#record = await this.#staged?.publish(this.#digest?.digest)
      published = publishing
    } finally {
      if (!published) await this.#staged?.discard()
    }
  }

  async #closeHandle(writingAll: boolean): Promise<void> {
    try {
      if (writingAll) await this.#streams.end()
    } finally {
      await this.#streams.destroy()
      await this.#handle.close()
      descriptorClosed()
    }
  }

  #bound<Name extends 'stat' | 'sync' | 'datasync'>(name: Name): FileHandle[Name] {
    return this.#handle[name].bind(this.#handle) as FileHandle[Name]
  }

  #reading<Name extends 'read' | 'readv' | 'readFile'>(name: Name): FileHandle[Name] {
    const read = (...args: never[]): unknown => {
      // The next write may go to the place where reading ends.
      this.#digest?.lose()
      return Reflect.apply(this.#handle[name], this.#handle, args)
    }
    return read as FileHandle[Name]
  }

  #changing<Name extends 'chmod' | 'utimes' | WritingMethod>(name: Name): FileHandle[Name] {
    const change = (...args: never[]): unknown => {
      this.#changed = true
      return Reflect.apply(this.#handle[name], this.#handle, args)
    }
    return change as FileHandle[Name]
  }

  #writing<Name extends WritingMethod>(name: Name): FileHandle[Name] {
    const digest = this.#digest
    if (digest === undefined) return this.#changing(name)
    const write = (...args: never[]): Promise<unknown> => {
      this.#changed = true
      return trackHandle(digest, name, args, async () => Reflect.apply(this.#handle[name], this.#handle, args))
    }
    return write as FileHandle[Name]
  }
}

/** Opens a file once there is a descriptor for it. */
async function openHandle(
  path: string | URL,
  flags: OpenFlags,
  mode: number | undefined,
  { signal }: Waiting,
): Promise<FileHandle> {
  return withDescriptors(() => open(path, flags, mode), signal)
}
