import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DyadError } from '../errors.js'
import { Fields } from '../kvs/fields.js'
import { decodePlain, encodePlain } from '../kvs/msgpack.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'

/**
 * What this node holds: notes, outside the managed directory, of which generation of a file was stored there and what the stored file looked like.
 * A file without a matching note, left by an earlier run or changed since, is not held. Losing a note costs a transfer and nothing else.
 */
export class HeldFiles {
  readonly #stateDir: string
  readonly #notes: string
  readonly #scope: string
  #ready: Promise<void> | undefined

  /**
   * @param stateDir where this node keeps its state
   * @param directory the managed directory
   * @param scope names store and namespace, so that generations of different ones are never compared
   */
  constructor(stateDir: string, directory: ManagedDirectory, scope: string) {
    this.#stateDir = stateDir
    this.#notes = join(stateDir, 'held', digest(directory.real))
    this.#scope = scope
  }

  /** The generation of the file that stands whole at its place now, or undefined if that is not known. */
  async generation(file: ManagedFile): Promise<number | undefined> {
    await this.#prepare()
    try {
      const note = new Fields(decodePlain(await readFile(this.#noteOf(file))))
      const now = await stat(file.local, { bigint: true })
      const matches =
        note.text('scope', 10_000) === this.#scope &&
        note.text('path', 4_000) === file.path &&
        note.text('looks', 200) === looks(now)
      return matches ? note.count('generation') : undefined
    } catch {
      return undefined
    }
  }

  /** Notes that the record's file has just been put in place. Where that cannot be noted, the file is simply not held. */
  async add(file: ManagedFile, record: FileRecord): Promise<void> {
    try {
      const now = await stat(file.local, { bigint: true })
      const note = this.#noteOf(file)
      await mkdir(dirname(note), { recursive: true })
      const text = { scope: this.#scope, path: file.path, generation: record.generation, looks: looks(now) }
      await writeFile(note, encodePlain(text))
    } catch {
      // A full disk of the state is no reason to fail an open: the file is there.
    }
  }

  #noteOf(file: ManagedFile): string {
    const name = digest(file.path)
    return join(this.#notes, name.slice(0, 2), name.slice(2))
  }

  #prepare(): Promise<void> {
    this.#ready ??= prepareStateDirectory(this.#stateDir)
    return this.#ready
  }
}

/** Makes the directory for this node's state; refuses one that others can write to. ERR_DYAD_OPTION. */
export async function prepareStateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const found = await lstat(path)
  const ours = process.getuid === undefined || found.uid === process.getuid()
  if (!found.isDirectory() || !ours || found.mode & 0o022) {
    throw new DyadError('ERR_DYAD_OPTION', {
      detail: `DYAD_STATE_DIR ${path} is not a directory that only you can write to`,
    })
  }
}

/** Differs after every change that a file can undergo: another file, other bytes, other times. */
function looks(file: BigIntStats): string {
  return [file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs].join(' ')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40)
}
