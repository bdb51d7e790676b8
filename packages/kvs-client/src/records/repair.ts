import { constants, copyFileSync, linkSync, mkdirSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDyadError } from '@dyad-ts/core'
import { compact } from './compaction.js'
import { damaged, unusable } from './damaged.js'
import { DirectoryLock } from './directory-lock.js'
import { findFiles, hasTraces, irregularFiles, type LogName, missingFile, syncNames } from './log-directory.js'
import { LogFiles } from './log-files.js'
import { LogReader } from './log-reader.js'
import { replayBase, replayReadable } from './log-replay.js'
import { ReadableCatalog } from './readable-catalog.js'

/** What came of a repair. */
export interface Repair {
  /** Records and namespaces that the directory holds now. */
  readonly records: number
  readonly namespaces: number
  /** Bytes of the files that could not be read. */
  readonly unreadableBytes: number
  /** Files that were missing in the sequence: the first of them, if any was. */
  readonly missing: string | undefined
  /**
   * Namespaces whose name could not be read, or is another's by now, under the names that they have
   * got.
   */
  readonly renamed: readonly string[]
  /**
   * Directory that the former files are in; undefined if there was nothing to repair, and nothing
   * was done.
   */
  readonly formerFiles: string | undefined
}

/** What the files of a log say together. */
interface Reading {
  readonly catalog: ReadableCatalog
  readonly unreadableBytes: number
  readonly isDamaged: boolean
}

/**
 * Makes a directory of records that was damaged one that opens, with the newest state that can be
 * read from all its files together. The former files are kept in a directory beside the new ones.
 * ERR_DYAD_LOG if there has never been a log, if it is of another version, or if a symbolic link
 * has the name of a file; ERR_DYAD_SYSTEM if a broker has the directory open, and for errors of the
 * system.
 */
export async function repairLog(path: string): Promise<Repair> {
  const directory = resolve(path)
  try {
    const { all } = findFiles(directory)
    // A start that was killed leaves a log without its name.
    const isLog = all.some(({ kind }) => kind !== 'new') || hasTraces(directory) || DirectoryLock.saysLog(directory)
    if (!isLog) throw damaged(directory, 'there is no log')
    const lock = new DirectoryLock(directory)
    try {
      return await repairLocked(directory, lock)
    } finally {
      lock.release()
    }
  } catch (error) {
    throw unusable(directory, error)
  }
}

async function repairLocked(directory: string, lock: DirectoryLock): Promise<Repair> {
  const files = new LogFiles(directory, lock)
  const found = findFiles(directory)
  const irregular = irregularFiles(directory, found)
  for (const [file, kind] of irregular) {
    if (kind !== 'a symbolic link') continue
    throw damaged(join(directory, file), `is ${kind}: put the file itself in its place, and repair then`)
  }
  const regular = found.all.filter(({ file }) => !irregular.has(file))
  using _claimed = files.claimNewest()
  const missing = missingFile(found, true)
  const { catalog, unreadableBytes, isDamaged } = readAll(directory, regular, missing !== undefined)
  const renamed = catalog.nameApart()
  const kept = { records: catalog.count(), namespaces: catalog.entries.size, unreadableBytes, missing, renamed }
  if (!isDamaged && irregular.size === 0) return { ...kept, formerFiles: undefined }
  const formerFiles = keepBeside(directory, found.all, irregular)
  const log = files.supersede()
  await compact(catalog, files, new AbortController().signal)
  await log.close()
  return { ...kept, formerFiles }
}

/**
 * Reads from the newest base on that is whole. What was before it is in it, but if none is whole
 * then what was before is read first, in the order in which it was written, and each later file
 * says what has become of it.
 */
function readAll(directory: string, names: readonly LogName[], isIncomplete: boolean): Reading {
  const { catalog, rest } = newestBase(directory, names)
  let isDamaged = isIncomplete
  let unreadableBytes = 0
  for (const { file, kind } of rest) {
    // A base that was not finished says nothing that whole files do not.
    if (kind === 'new' || (kind === 'part' && !isDamaged)) continue
    using reader = new LogReader(join(directory, file))
    const unread = replayReadable(reader, catalog)
    if (kind === 'part') continue
    unreadableBytes += unread
    // An empty file has no byte that cannot be read, and no header either; and a base that is read
    // here is not whole.
    if (kind === 'base' || unread > 0 || reader.fault !== undefined) isDamaged = true
  }
  return { catalog, unreadableBytes, isDamaged }
}

/** The newest base that is whole, if there is one, and the files after it. */
function newestBase(
  directory: string,
  names: readonly LogName[],
): { catalog: ReadableCatalog; rest: readonly LogName[] } {
  for (const [i, { file, kind }] of [...names.entries()].reverse()) {
    if (kind !== 'base') continue
    const catalog = new ReadableCatalog()
    try {
      replayBase(join(directory, file), catalog)
      return { catalog, rest: names.slice(i + 1) }
    } catch (error) {
      if (!isDyadError(error, 'ERR_DYAD_LOG')) throw error
    }
  }
  return { catalog: new ReadableCatalog(), rest: names }
}

/**
 * Gives the files a second name each in a new directory, where they stay when the first names are
 * gone; what is no file is moved there.
 */
function keepBeside(directory: string, names: readonly LogName[], irregular: ReadonlyMap<string, string>): string {
  const kept = join(directory, `before-repair-${new Date().toISOString().replaceAll(/[^\dTZ]/g, '')}`)
  mkdirSync(kept, { mode: 0o700 })
  for (const { file } of names) {
    const [from, to] = [join(directory, file), join(kept, file)]
    if (irregular.has(file)) {
      renameSync(from, to)
      continue
    }
    try {
      linkSync(from, to)
    } catch {
      // There are file systems without hard links.
      copyFileSync(from, to, constants.COPYFILE_EXCL)
    }
  }
  syncNames(kept)
  syncNames(directory)
  return kept
}
