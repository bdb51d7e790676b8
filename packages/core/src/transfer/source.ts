import { type BigIntStats, constants } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DyadError, isDyadError } from '../errors.js'
import { descriptorPath, hasDescriptorPaths, O_PATH } from '../files/descriptor-path.js'
import { descriptorClosed } from '../files/descriptors.js'
import { directoriesTo } from '../files/directories-to.js'
import { READ_REGULAR } from '../files/open-regular.js'
import { managedPathFault } from '../managed-path.js'
import type { FileSource, FileVersion, SourceDirectory, SourceFile } from './contract.js'
import { CallChooser } from './file-calls.js'

/** Serves the regular files below some managed directories, and nothing else of this machine. */
export class ManagedSource implements FileSource {
  readonly directories: readonly SourceDirectory[]
  readonly #chooser = new CallChooser()

  private constructor(directories: readonly SourceDirectory[]) {
    this.directories = directories
  }

  /**
   * Resolves each directory, which must exist; the system's own error if it does not,
   * ERR_DYAD_OPTION if it is a file.
   */
  static async open(directories: readonly string[]): Promise<ManagedSource> {
    return new ManagedSource(await Promise.all(directories.map(resolveDirectory)))
  }

  /**
   * Opens exactly the version asked for. The caller closes it. ERR_DYAD_GONE if there is no such
   * file, ERR_DYAD_CHANGED if it has another size or modification time, ERR_DYAD_REFUSED if it is
   * not a regular file below the directory, ERR_DYAD_SYSTEM with its cause otherwise.
   */
  async open(version: FileVersion): Promise<OpenedFile> {
    const directory = this.directories.find(({ path }) => path === version.storage)
    if (directory === undefined) throw refused(version, `${String(version.storage)} is not served`)
    const fault = managedPathFault(version.path)
    if (fault !== undefined) throw refused(version, fault)
    try {
      return await this.#open(directory, version)
    } catch (error) {
      throw isDyadError(error) ? error : translate(error, version)
    }
  }

  async #open(directory: SourceDirectory, version: FileVersion): Promise<OpenedFile> {
    try {
      return await openBelow(directory, version, this.#chooser)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      // On a network file system another host of this node may have written it a moment ago.
      for (const each of directoriesTo(join(directory.path, version.path), directory.path)) await lookInto(each)
      return openBelow(directory, version, this.#chooser)
    }
  }
}

/** One version of a file, held open; a rename or unlink meanwhile does not touch it. */
export class OpenedFile implements SourceFile {
  /** Where it was when it was opened: absolute, symbolic links resolved. */
  readonly realPath: string
  readonly #fd: number
  readonly #version: FileVersion
  readonly #chooser: CallChooser
  /** Calls under way; the descriptor stays open for them. */
  #using = 0
  #unused: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(fd: number, realPath: string, version: FileVersion, chooser: CallChooser) {
    this.#fd = fd
    this.realPath = realPath
    this.#version = version
    this.#chooser = chooser
  }

  /** Descriptor, valid until it is closed. ERR_DYAD_CLOSED. */
  get fd(): number {
    if (this.#closing !== undefined) throw new DyadError('ERR_DYAD_CLOSED', { path: this.#version.path })
    return this.#fd
  }

  /**
   * Fills `buffer` with the bytes from `position` on; returns how many. ERR_DYAD_CHANGED if the
   * file ends early.
   */
  read(buffer: Uint8Array, position: number): Promise<number> {
    const wanted = Math.min(buffer.length, Math.max(0, this.#version.size - position))
    return this.#use(async (fd) => {
      let done = 0
      while (done < wanted) {
        const length = wanted - done
        const bytes = await this.#chooser.forRead(length).read(fd, buffer, done, length, position + done)
        if (bytes === 0) throw changed(this.#version, 'it ends early')
        done += bytes
      }
      return done
    })
  }

  // Not ctime: a rename or unlink changes it too, and what is held open is still the version that
  // was asked for.
  /** Throws ERR_DYAD_CHANGED if the file is no longer the version that was opened. */
  async verify(): Promise<void> {
    checkVersion(await this.stat(), this.#version)
  }

  /** Returns what the system says of the open file. */
  stat(): Promise<BigIntStats> {
    return this.#use(async (fd) => this.#chooser.calls.fstat(fd))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A descriptor that is closed may be another file's the next moment. */
  async #use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    const { fd } = this
    this.#using++
    try {
      return await work(fd)
    } finally {
      this.#using--
      if (this.#using === 0) this.#unused?.()
    }
  }

  async #close(): Promise<void> {
    if (this.#using > 0) {
      await new Promise<void>((resolve) => {
        this.#unused = resolve
      })
    }
    await this.#chooser.calls.close(this.#fd)
    descriptorClosed()
  }
}

/** Has a network file system ask its server again for names that were missing in a directory. */
async function lookInto(directory: string): Promise<void> {
  try {
    const opened = await opendir(directory)
    await opened.read().finally(() => opened.close())
  } catch {
    // Opening the file fails with the reason.
  }
}

async function resolveDirectory(directory: string): Promise<SourceDirectory> {
  const path = await realpath(directory)
  const stats = await stat(path, { bigint: true })
  if (!stats.isDirectory())
    throw new DyadError('ERR_DYAD_OPTION', {
      option: 'the managed directory',
      path: directory,
      detail: 'not a directory',
    })
  return { path, dev: stats.dev, ino: stats.ino }
}

async function openBelow(directory: SourceDirectory, version: FileVersion, chooser: CallChooser): Promise<OpenedFile> {
  const prefix = directory.path.endsWith('/') ? directory.path : `${directory.path}/`
  return hasDescriptorPaths ? openFound(prefix, version, chooser) : openResolved(prefix, version, chooser)
}

/** Opens the very file that it looked at, whatever takes its name meanwhile. */
async function openFound(prefix: string, version: FileVersion, chooser: CallChooser): Promise<OpenedFile> {
  const found = await chooser.calls.open(prefix + version.path, O_PATH)
  try {
    const itself = descriptorPath(found)
    const real = await chooser.calls.readlink(itself)
    if (!real.startsWith(prefix)) throw outside(version)
    const stats = await chooser.calls.fstat(found)
    checkRegular(stats, version)
    checkVersion(stats, version)
    return new OpenedFile(await chooser.calls.open(itself, READ_REGULAR), real, version, chooser)
  } finally {
    await chooser.calls.close(found)
  }
}

/**
 * As far as it goes where descriptors have no paths: looked at before it is opened, since opening a
 * device can do something, and again once it is.
 */
async function openResolved(prefix: string, version: FileVersion, chooser: CallChooser): Promise<OpenedFile> {
  const real = await chooser.calls.realpath(prefix + version.path)
  if (!real.startsWith(prefix)) throw outside(version)
  checkRegular(await chooser.calls.lstat(real), version)
  const fd = await chooser.calls.open(real, READ_REGULAR | constants.O_NOFOLLOW)
  try {
    const stats = await chooser.calls.fstat(fd)
    checkRegular(stats, version)
    // A parent may have been swapped for a symbolic link after its path was resolved.
    const again = await chooser.calls.realpath(real)
    const { dev, ino } = await chooser.calls.stat(again)
    if (!again.startsWith(prefix) || dev !== stats.dev || ino !== stats.ino) throw outside(version)
    checkVersion(stats, version)
    return new OpenedFile(fd, real, version, chooser)
  } catch (error) {
    await chooser.calls.close(fd)
    throw error
  }
}

function outside(version: FileVersion): DyadError {
  return refused(version, 'it lies outside the managed directory')
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
