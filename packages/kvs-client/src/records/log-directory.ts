import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { damaged } from './damaged.js'
import { irregularKind, removeOwn } from './own-file.js'

type Kind = 'base' | 'log' | 'part' | 'new'

/** Names of the files of a log, and of unfinished ones. */
const NAME = /^(base|log|part|new)\.(0|[1-9]\d{0,8})$/
const MAX_NUMBER = 999_999_999
/** Order in which files of one number are read. */
const ORDER = ['base', 'part', 'log', 'new']
/** Names that prove a log, also when the log itself is gone. */
const TRACE = /^((base|part)\.\d{1,9}|log\.\d{1,9}\.cut-.*|before-repair-.*)$/

/** The name of a file of a log. */
export interface LogName {
  readonly file: string
  readonly kind: Kind
  readonly number: number
}

/** The valid files of a log: the newest base, if there is one, and the logs that follow it. */
export interface FoundFiles {
  /** 0 if there is none. */
  readonly base: number
  /** Numbers of the logs, in order. */
  readonly logs: readonly number[]
  /**
   * All files, in the order in which they continue one another, including replaced and unfinished
   * ones.
   */
  readonly all: readonly LogName[]
}

/** Returns the path of a file of a log. ERR_DYAD_LOG beyond the last number. */
export function logPath(directory: string, kind: Kind, number: number): string {
  if (number > MAX_NUMBER)
    throw damaged(directory, `has a file numbered ${MAX_NUMBER}, which none can follow: move it away`)
  return join(directory, `${kind}.${number}`)
}

export function findFiles(directory: string): FoundFiles {
  const all = readdirSync(directory).flatMap((file): LogName[] => {
    const [, kind, number] = NAME.exec(file) ?? []
    return kind === undefined ? [] : [{ file, kind: kind as Kind, number: Number(number) }]
  })
  all.sort((a, b) => a.number - b.number || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  const numbers = (wanted: Kind) => all.filter(({ kind }) => kind === wanted).map(({ number }) => number)
  const base = numbers('base').at(-1) ?? 0
  return { base, logs: numbers('log').filter((number) => number >= base), all }
}

/** Returns true if the directory has a file that only a log leaves. */
export function hasTraces(directory: string): boolean {
  return readdirSync(directory).some((file) => TRACE.test(file))
}

/**
 * Returns the name of the first missing file, or undefined if none is missing.
 * @param hadLog whether there must be a log
 */
export function missingFile({ base, logs }: FoundFiles, hadLog: boolean): string | undefined {
  if (base === 0 && logs.length === 0) return hadLog ? 'log.0' : undefined
  const missing = logs.findIndex((number, i) => number !== base + i)
  if (missing !== -1) return `log.${base + missing}`
  return logs.length === 0 ? `log.${base}` : undefined
}

/** Returns the files with the name of a log file that are not regular files, and their kinds. */
export function irregularFiles(directory: string, { all }: FoundFiles): ReadonlyMap<string, string> {
  return new Map(
    all.flatMap(({ file }): [string, string][] => {
      const kind = irregularKind(join(directory, file))
      return kind === undefined ? [] : [[file, kind]]
    }),
  )
}

/** Removes replaced and unfinished files. */
export function removeBefore(directory: string, generation: number): void {
  for (const { file, kind, number } of findFiles(directory).all) {
    if (kind === 'part' || kind === 'new' || number < generation) removeOwn(join(directory, file))
  }
}

/** Syncs the names in a directory to the disk. */
export function syncNames(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
