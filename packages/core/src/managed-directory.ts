import { realpathSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DyadError } from './errors.js'
import { makeTrustedDirectory } from './files/trusted-place.js'
import { assertManagedPath, managedPathFault } from './managed-path.js'

/** The end of a path that can name a directory only. */
const NAMES_DIRECTORY = /(?:^|\/)\.{0,2}$/
/** Longest path that the system takes, in UTF-8 bytes. */
const LONGEST_LOCAL_BYTES = 4095

/** A file in a managed directory. */
export interface ManagedFile {
  /** Its managed path: relative to the managed directory, `/`-separated, normalized. */
  readonly path: string
  /** Its absolute path on this node. */
  readonly local: string
}

/** A directory whose files DYAD synchronizes. */
export class ManagedDirectory {
  /** As configured, absolute. */
  readonly path: string
  /** With symbolic links resolved. */
  readonly real: string

  private constructor(path: string, real: string) {
    this.path = path
    this.real = real
  }

  /**
   * Opens a managed directory, making it if it is missing. ERR_DYAD_OPTION if another user could
   * lead it elsewhere, ERR_DYAD_SYSTEM.
   */
  static async open(path: string): Promise<ManagedDirectory> {
    const absolute = resolve(path)
    try {
      makeTrustedDirectory(absolute)
      // Not realpath(): Node 26.12 loses what the caller's listeners throw in the tick after it.
      return new ManagedDirectory(absolute, realpathSync.native(absolute))
    } catch (cause) {
      throw cause instanceof DyadError ? cause : new DyadError('ERR_DYAD_SYSTEM', { path: absolute, cause })
    }
  }

  /**
   * Returns the managed file that `path` names, or undefined if it lies outside this directory.
   * Every spelling of a path (`a//b`, `a/./b`, `a/../a/b`, through a symbolic link to the
   * directory) names the same file. ERR_DYAD_PATH for a path that ends as a directory's does (`a/`,
   * `a/.`), or cannot name a file.
   * @param relativeToDirectory whether a relative path is relative to this directory; otherwise it
   *   is relative to the working directory
   */
  async locate(path: string | URL, relativeToDirectory: boolean): Promise<ManagedFile | undefined> {
    const text = path instanceof URL ? fileURLToPath(path) : path
    const plain = this.#spelledPlainly(text, relativeToDirectory)
    if (plain !== undefined) return plain
    if (text.includes('\0'))
      throw new DyadError('ERR_DYAD_PATH', { path: text.replaceAll('\0', '\\0'), detail: 'it contains a NUL byte' })
    const absolute = !isAbsolute(text) && relativeToDirectory ? join(this.path, text) : resolve(text)
    const managed = below(this.path, absolute) ?? below(this.real, await realOfWhatExists(absolute))
    if (managed === undefined || managed === '') return undefined
    const name = sep === '/' ? managed : managed.split(sep).join('/')
    assertManagedPath(name)
    if (NAMES_DIRECTORY.test(text))
      throw new DyadError('ERR_DYAD_PATH', { path: text, detail: 'it ends like the path of a directory' })
    const local = join(this.real, managed)
    if (Buffer.byteLength(local) > LONGEST_LOCAL_BYTES) {
      const detail = `below '${this.real}' it has more than ${LONGEST_LOCAL_BYTES} bytes`
      throw new DyadError('ERR_DYAD_PATH', { path: text, detail })
    }
    return { path: name, local }
  }

  /**
   * Returns the file of a path that needs no parsing, as most: a managed path, alone or behind this
   * directory's path.
   */
  #spelledPlainly(text: string, relativeToDirectory: boolean): ManagedFile | undefined {
    const path = relativeToDirectory && !text.startsWith('/') ? text : this.#below(text)
    if (path === undefined) return undefined
    // Within bounds, however many bytes a character takes.
    const isShort = this.real !== '/' && 3 * (this.real.length + path.length) < LONGEST_LOCAL_BYTES
    return isShort && managedPathFault(path) === undefined ? { path, local: `${this.real}/${path}` } : undefined
  }

  #below(text: string): string | undefined {
    const { path } = this
    return text.startsWith(path) && text[path.length] === '/' ? text.slice(path.length + 1) : undefined
  }

  /** Returns the file of a managed path. */
  file(path: string): ManagedFile {
    return { path, local: join(this.real, path) }
  }
}

/** Returns `path` relative to `directory`, or undefined if it is not below it. */
function below(directory: string, path: string): string | undefined {
  const way = relative(directory, path)
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way
}

/** Resolves the symbolic links of as much of the path as exists. */
async function realOfWhatExists(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(await realOfWhatExists(parent), basename(path))
  }
}
