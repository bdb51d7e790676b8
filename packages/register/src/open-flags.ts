import { constants } from 'node:fs'

const { O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY, O_RDWR, O_APPEND, O_SYNC } = {
  O_ACCMODE: 3,
  ...constants,
}
/** Flags of Linux that node:fs takes as numbers, without a name. */
const O_PATH = 0o10000000
const O_TMPFILE = 0o20000000

const WRITE = O_WRONLY | O_CREAT | O_TRUNC
const WRITE_READ = O_RDWR | O_CREAT | O_TRUNC
const APPEND = O_WRONLY | O_CREAT | O_APPEND
const APPEND_READ = O_RDWR | O_CREAT | O_APPEND

const BY_NAME = new Map([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', WRITE],
  ['wx', WRITE | O_EXCL],
  ['xw', WRITE | O_EXCL],
  ['w+', WRITE_READ],
  ['wx+', WRITE_READ | O_EXCL],
  ['xw+', WRITE_READ | O_EXCL],
  ['a', APPEND],
  ['ax', APPEND | O_EXCL],
  ['xa', APPEND | O_EXCL],
  ['as', APPEND | O_SYNC],
  ['sa', APPEND | O_SYNC],
  ['a+', APPEND_READ],
  ['ax+', APPEND_READ | O_EXCL],
  ['xa+', APPEND_READ | O_EXCL],
  ['as+', APPEND_READ | O_SYNC],
  ['sa+', APPEND_READ | O_SYNC],
])

/** Opens that make a file anew, and opens that change it in place. */
export const REWRITE = WRITE
export const READ = O_RDONLY
/** An open that reads a file and changes it in place. */
export const UPDATE = O_RDWR

/** Returns the number of flags of node:fs, or undefined if node:fs refuses them. */
export function numericFlags(flags: unknown, fallback: number): number | undefined {
  if (flags === undefined || flags === null) return fallback
  if (typeof flags === 'string') return BY_NAME.get(flags)
  return typeof flags === 'number' ? flags : undefined
}

/** Returns true if an open with these flags reads the existing file. */
export function reads(flags: number): boolean {
  if ((flags & O_ACCMODE) === O_WRONLY || flags & (O_TRUNC | O_DIRECTORY | O_PATH | O_TMPFILE)) return false
  return !isExclusive(flags)
}

/** Returns true if an open with these flags writes. */
export function writes(flags: number): boolean {
  return ((flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0) && (flags & O_PATH) === 0
}

/** Returns true if an open with these flags makes a missing file. */
export function creates(flags: number): boolean {
  return (flags & O_CREAT) !== 0
}

/** Returns true if an open with these flags fails if the file exists. */
export function isExclusive(flags: number): boolean {
  return (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0
}
