import { closeSync, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const NAME = /^(base|log)\.(\d{1,9})$/
/** Files that were being made when their process ended. */
const UNFINISHED = /^(part|new)\.\d{1,9}$/

/** The files of a log in its directory that count: the newest base, if there is one, and the logs that follow it. */
export interface FoundFiles {
  /** 0 if there is none. */
  readonly base: number
  /** Numbers of the logs, in order. */
  readonly logs: readonly number[]
  /** Names of all, of those that a newer base replaced too. */
  readonly all: readonly string[]
}

/** Path of a file of a log. */
export function logPath(directory: string, kind: 'base' | 'log' | 'part' | 'new', number: number): string {
  return join(directory, `${kind}.${number}`)
}

export function findFiles(directory: string): FoundFiles {
  const found = readdirSync(directory).flatMap((file) => {
    const [, kind, number] = NAME.exec(file) ?? []
    return kind === undefined ? [] : [{ file, kind, number: Number(number) }]
  })
  const base = Math.max(0, ...found.filter(({ kind }) => kind === 'base').map(({ number }) => number))
  const logs = found.filter(({ kind, number }) => kind === 'log' && number >= base).map(({ number }) => number)
  logs.sort((a, b) => a - b)
  return { base, logs, all: found.map(({ file }) => file) }
}

/** The name of the first file that is missing among those found, or undefined if none is. */
export function missingFile({ base, logs, all }: FoundFiles): string | undefined {
  if (all.length === 0) return undefined
  const missing = logs.findIndex((number, i) => number !== base + i)
  if (missing !== -1) return `log.${base + missing}`
  return logs.length === 0 ? `log.${base}` : undefined
}

/** Removes what a base has replaced, and what was not finished. */
export function removeBefore(directory: string, generation: number): void {
  for (const file of readdirSync(directory)) {
    const [, , number] = NAME.exec(file) ?? []
    if (UNFINISHED.test(file) || (number !== undefined && Number(number) < generation)) {
      rmSync(join(directory, file), { force: true })
    }
  }
}

/** Brings the names in a directory to the disk. */
export function syncNames(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
