import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises'
import { DyadError, isDyadError } from '../errors.js'
import { managedPathFault } from '../managed-path.js'
import type { FileSource, FileVersion, SourceDirectory, SourceFile } from './contract.js'

/** The regular files below some managed directories, and nothing else of this machine. */
export class ManagedSource implements FileSource {
  readonly directories: readonly SourceDirectory[]

  private constructor(directories: readonly SourceDirectory[]) {
    this.directories = directories
  }

  /** Resolves each directory, which must exist; the system's own error if it does not, ERR_DYAD_OPTION if it is a file. */
  static async open(directories: readonly string[]): Promise<ManagedSource> {
    return new ManagedSource(await Promise.all(directories.map(resolveDirectory)))
  }

  /**
   * Opens exactly the version asked for; whoever calls closes it. ERR_DYAD_GONE if there is no such file, ERR_DYAD_CHANGED if it has another
   * size or modification time, ERR_DYAD_REFUSED for what is no regular file below the directory, ERR_DYAD_SYSTEM with its cause otherwise.
   */
  async open(version: FileVersion): Promise<OpenedFile> {
    const directory = this.directories.find(({ path }) => path === version.storage)
    if (directory === undefined) throw refused(version, `${String(version.storage)} is not served`)
    const fault = managedPathFault(version.path)
    if (fault !== undefined) throw refused(version, fault)
    try {
      return await openBelow(directory, version)
    } catch (error) {
      throw isDyadError(error) ? error : translate(error, version)
    }
  }
}

/** One version of a file, held open; a rename or unlink meanwhile does not touch it. */
export class OpenedFile implements SourceFile {
  /** Where it was when it was opened: absolute, symbolic links resolved. */
  readonly realPath: string
  readonly #handle: FileHandle
  readonly #version: FileVersion
  #closing: Promise<void> | undefined

  constructor(handle: FileHandle, realPath: string, version: FileVersion) {
    this.#handle = handle
    this.realPath = realPath
    this.#version = version
  }

  /** Descriptor, valid until it is closed. */
  get fd(): number {
    return this.#handle.fd
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const wanted = Math.min(buffer.length, Math.max(0, this.#version.size - position))
    let done = 0
    while (done < wanted) {
      const { bytesRead } = await this.#handle.read(buffer, done, wanted - done, position + done)
      if (bytesRead === 0) throw changed(this.#version, 'it ends early')
      done += bytesRead
    }
    return done
  }

  // Not ctime: a rename or unlink changes it too, and what is held open is still the version that was asked for.
  async verify(): Promise<void> {
    checkVersion(await this.stat(), this.#version)
  }

  stat(): Promise<BigIntStats> {
    return this.#handle.stat({ bigint: true })
  }

  close(): Promise<void> {
    this.#closing ??= this.#handle.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function resolveDirectory(directory: string): Promise<SourceDirectory> {
  const path = await realpath(directory)
  const stats = await stat(path, { bigint: true })
  if (!stats.isDirectory()) throw new DyadError('ERR_DYAD_OPTION', { path: directory, detail: 'it is not a directory' })
  return { path, dev: stats.dev, ino: stats.ino }
}

async function openBelow(directory: SourceDirectory, version: FileVersion): Promise<OpenedFile> {
  const prefix = directory.path.endsWith('/') ? directory.path : `${directory.path}/`
  const real = await realpath(prefix + version.path)
  if (!real.startsWith(prefix)) throw refused(version, 'it lies outside the managed directory')
  // Looked at before it is opened, since opening a device can do something.
  checkRegular(await lstat(real, { bigint: true }), version)
  const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = await handle.stat({ bigint: true })
    checkRegular(stats, version)
    if (!(await whereIs(handle, stats, real)).startsWith(prefix)) {
      throw refused(version, 'it lies outside the managed directory')
    }
    checkVersion(stats, version)
    return new OpenedFile(handle, real, version)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Where the opened file is: a parent may have been swapped for a symbolic link after its path was resolved. */
async function whereIs(handle: FileHandle, opened: BigIntStats, real: string): Promise<string> {
  if (process.platform === 'linux') return readlink(`/proc/self/fd/${handle.fd}`)
  const again = await realpath(real)
  const { dev, ino } = await stat(again, { bigint: true })
  return dev === opened.dev && ino === opened.ino ? again : ''
}

function checkRegular(stats: BigIntStats, version: FileVersion): void {
  if (!stats.isFile()) throw refused(version, 'it is not a regular file')
}

function checkVersion(stats: BigIntStats, version: FileVersion): void {
  if (stats.size !== BigInt(version.size)) {
    throw changed(version, `it has ${stats.size} bytes, not ${version.size}`)
  }
  if (stats.mtimeNs !== version.mtimeNs) throw changed(version, 'it was written to after it was published')
}

function translate(cause: unknown, { path }: FileVersion): DyadError {
  const code = (cause as NodeJS.ErrnoException).code
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new DyadError('ERR_DYAD_GONE', { path, cause })
    case 'EACCES':
    case 'EPERM':
    case 'ELOOP':
    case 'ENXIO':
    case 'ENAMETOOLONG':
      return new DyadError('ERR_DYAD_REFUSED', { path, detail: code, cause })
    default:
      return new DyadError('ERR_DYAD_SYSTEM', { path, cause })
  }
}

function refused({ path }: { path: unknown }, detail: string): DyadError {
  return new DyadError('ERR_DYAD_REFUSED', { path: String(path), detail })
}

function changed({ path }: FileVersion, detail: string): DyadError {
  return new DyadError('ERR_DYAD_CHANGED', { path, detail })
}
