import { constants } from 'node:fs'

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_SYNC } = constants
const WRITE = O_WRONLY | O_CREAT | O_TRUNC
const WRITE_READ = O_RDWR | O_CREAT | O_TRUNC
const APPEND = O_WRONLY | O_CREAT | O_APPEND
const APPEND_READ = O_RDWR | O_CREAT | O_APPEND

/** The numbers of the flags that node:fs knows by name. */
const BY_NAME: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  sr: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  'sr+': O_RDWR | O_SYNC,
  w: WRITE,
  wx: WRITE | O_EXCL,
  xw: WRITE | O_EXCL,
  'w+': WRITE_READ,
  'wx+': WRITE_READ | O_EXCL,
  'xw+': WRITE_READ | O_EXCL,
  a: APPEND,
  ax: APPEND | O_EXCL,
  xa: APPEND | O_EXCL,
  as: APPEND | O_SYNC,
  sa: APPEND | O_SYNC,
  'a+': APPEND_READ,
  'ax+': APPEND_READ | O_EXCL,
  'xa+': APPEND_READ | O_EXCL,
  'as+': APPEND_READ | O_SYNC,
  'sa+': APPEND_READ | O_SYNC,
}

/** Flags of node:fs: the names of its documentation, or a number of its constants. */
export type OpenFlags = string | number

/** Returns the number of the flags. Throws ERR_INVALID_ARG_VALUE as node:fs does. */
export function numericFlags(flags: OpenFlags): number {
  const number = typeof flags === 'number' ? flags : Object.hasOwn(BY_NAME, flags) ? BY_NAME[flags] : undefined
  if (number !== undefined && Number.isInteger(number)) return number
  const shown = typeof flags === 'string' ? `'${flags}'` : String(flags)
  const error = new TypeError(`The argument 'flags' is invalid. Received ${shown}`)
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' })
}
