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

/** The result of a repair. */
export interface Repair {
  /** Number of records and namespaces in the directory now. */
  readonly records: number
  readonly namespaces: number
  /** Number of bytes that could not be read. */
  readonly unreadableBytes: number
  /** The first file that was missing in the sequence, if any was. */
  readonly missing: string | undefined
  /** New names of namespaces whose name could not be read, or belongs to another one by now. */
  readonly renamed: readonly string[]
  /**
   * Directory of the former files; undefined if there was nothing to repair, and nothing was done.
   */
  readonly formerFiles: string | undefined
}

/** The combined state of the files of a log. */
interface Reading {
  readonly catalog: ReadableCatalog
  readonly unreadableBytes: number
  readonly isDamaged: boolean
}

/**
 * Repairs a damaged directory of records, so that it opens with the newest state that all its files
 * together have. Keeps the former files in a directory beside the new ones. ERR_DYAD_LOG if there
 * has never been a log, if it is of another version, or if a symbolic link has the name of a file.
 * ERR_DYAD_SYSTEM if a broker has the directory open, and for errors of the system.
 */
export async function repairLog(path: string): Promise<Repair> {
  const directory = resolve(path)
  try {
    const { all } = findFiles(directory)
    // A killed start leaves a log without its name.
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
 * Reads from the newest whole base on, which includes the state before it. If no base is whole, it
 * reads all files in the order in which they were written, and each later file corrects the earlier
 * state.
 */
function readAll(directory: string, names: readonly LogName[], isIncomplete: boolean): Reading {
  const { catalog, rest } = newestBase(directory, names)
  let isDamaged = isIncomplete
  let unreadableBytes = 0
  for (const { file, kind } of rest) {
    // An unfinished base adds nothing to whole files.
    if (kind === 'new' || (kind === 'part' && !isDamaged)) continue
    using reader = new LogReader(join(directory, file))
    const unread = replayReadable(reader, catalog)
    if (kind === 'part') continue
    unreadableBytes += unread
    // An empty file has no unreadable byte, and no header either. A base that is read here is not
    // whole.
    if (kind === 'base' || unread > 0 || reader.fault !== undefined) isDamaged = true
  }
  return { catalog, unreadableBytes, isDamaged }
}

/** Returns the newest whole base, if there is one, and the files after it. */
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
 * Links the files into a new directory, where they stay after their first names are removed. Moves
 * entries that are not files there.
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
      // Some file systems have no hard links.
      copyFileSync(from, to, constants.COPYFILE_EXCL)
    }
  }
  syncNames(kept)
  syncNames(directory)
  return kept
}
