import { constants, copyFileSync, linkSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Catalog } from './catalog.js'
import { compact } from './compaction.js'
import { lockDirectory } from './directory-lock.js'
import { findFiles, logPath, missingFile, syncNames } from './log-directory.js'
import { LogFiles } from './log-files.js'
import { LogReader } from './log-reader.js'
import { damaged, replayReadable } from './log-replay.js'
import type { Packed } from './packed.js'

/** What came of a repair. */
export interface Repair {
  /** Records and namespaces that the directory holds now. */
  readonly records: number
  readonly namespaces: number
  /** Bytes of the files that could not be read. */
  readonly unreadableBytes: number
  /** Files that were missing in the sequence: the first of them, if any was. */
  readonly missing: string | undefined
  /** Namespaces whose name could not be read, or is another's by now, under the names that they have got. */
  readonly renamed: readonly string[]
  /** Directory that the former files are in; undefined if there was nothing to repair, and nothing was done. */
  readonly formerFiles: string | undefined
}

/** Keeps records of namespaces whose creation cannot be read. */
class ReadableCatalog extends Catalog {
  readonly #removed = new Set<number>()

  override put(id: number, key: string, packed: Packed): void {
    if (!this.entries.has(id) && !this.#removed.has(id)) super.create(id, placeholder(id), '')
    super.put(id, key, packed)
  }

  override create(id: number, name: string, nonce: string): void {
    const known = this.entries.get(id)
    if (known?.name === placeholder(id)) this.entries.set(id, { ...known, name, nonce })
    else super.create(id, name, nonce)
  }

  override remove(id: number): void {
    this.#removed.add(id)
    super.remove(id)
  }

  /** Gives each namespace a name of its own: of two the later one keeps it, since the earlier was removed before. Returns those that have got another. */
  nameApart(): string[] {
    const ids = new Map([...this.entries.values()].map(({ id, name }) => [name, id]))
    for (const entry of this.entries.values()) {
      if (ids.get(entry.name) !== entry.id) this.entries.set(entry.id, { ...entry, name: placeholder(entry.id) })
    }
    return [...this.entries.values()].flatMap(({ id, name }) => (name === placeholder(id) ? [name] : []))
  }
}

/**
 * Makes a directory of records that was damaged one that opens, with every record that can be read. The former files are kept in a directory beside the
 * new ones. ERR_DYAD_LOG if there are none, or if they are of another version; EBUSY if a broker has the directory open.
 */
export async function repairLog(path: string): Promise<Repair> {
  const directory = resolve(path)
  const found = findFiles(directory)
  if (found.all.length === 0) throw damaged(directory, 'there is no log')
  const release = lockDirectory(directory)
  try {
    const catalog = new ReadableCatalog()
    let unreadableBytes = 0
    let isDamaged = false
    const names: [kind: 'base' | 'log', number: number][] = found.logs.map((number) => ['log', number])
    if (found.base > 0) names.unshift(['base', found.base])
    for (const name of names) {
      using reader = new LogReader(logPath(directory, ...name))
      // An empty file has no byte that cannot be read, and no header either.
      if (reader.fault !== undefined) isDamaged = true
      replayReadable(reader, catalog, (bytes) => {
        unreadableBytes += bytes
      })
    }
    const missing = missingFile(found)
    const renamed = catalog.nameApart()
    const kept = { records: catalog.count(), namespaces: catalog.entries.size, unreadableBytes, missing, renamed }
    if (!isDamaged && unreadableBytes === 0 && missing === undefined) return { ...kept, formerFiles: undefined }
    const formerFiles = keepBeside(directory, found.all)
    const files = new LogFiles(directory)
    const log = files.supersede()
    await compact(catalog, files, new AbortController().signal)
    await log.close()
    return { ...kept, formerFiles }
  } finally {
    release()
  }
}

function placeholder(id: number): string {
  return `recovered-${id}`
}

/** Gives the files a second name each in a new directory, where they stay when the first names are gone. */
function keepBeside(directory: string, files: readonly string[]): string {
  const kept = join(directory, `before-repair-${new Date().toISOString().replaceAll(/[^\dTZ]/g, '')}`)
  mkdirSync(kept, { mode: 0o700 })
  for (const file of files) {
    try {
      linkSync(join(directory, file), join(kept, file))
    } catch {
      // There are file systems without hard links.
      copyFileSync(join(directory, file), join(kept, file), constants.COPYFILE_EXCL)
    }
  }
  syncNames(kept)
  syncNames(directory)
  return kept
}
