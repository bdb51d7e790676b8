import type { BigIntStats, Stats } from 'node:fs'
import type { AgentAnswer } from './agent/protocol.js'
import { type Asking, check, type Instead, type Operation } from './operation.js'
import { own } from './own-fs.js'
import type { ManagedPath } from './places.js'
import type { Program } from './program.js'
import { type CallName, systemError } from './system-error.js'

type FileRecord = Extract<AgentAnswer, { kind: 'record' }>
/** Answers a call from the record of a file that is not here. */
export type FromRecord = (record: FileRecord) => unknown

/**
 * The operation around a call that looks at a file without opening it, as DYAD_STAT says.
 * @param fromRecord undefined if the call needs the file itself
 */
export function looking(
  program: Program,
  { consumer, producer, absolute }: ManagedPath,
  call: CallName,
  fromRecord?: FromRecord,
): Operation | undefined {
  if (consumer === undefined || program.stat === 'plain') return undefined
  return {
    *before(): Asking<Instead | undefined> {
      const standing = standingAt(absolute)
      if (standing === 'other') return undefined
      // A producer that looks for its own file must not wait for itself.
      const mayWait = standing === 'nothing' && producer === undefined && program.stat !== 'fetch'
      const wait = mayWait && program.waitsFor(consumer)
      if (standing === 'nothing' && program.stat === 'record' && fromRecord !== undefined) {
        const answer = check(yield { kind: 'look', name: consumer, wait }, call)
        return answer.kind === 'record' ? { value: fromRecord(answer) } : undefined
      }
      check(yield { kind: 'consume', name: consumer, wait }, call)
      return undefined
    },
  }
}

function standingAt(path: string): 'file' | 'nothing' | 'other' {
  try {
    const stats = own.lstatSync(path, { throwIfNoEntry: false })
    return stats === undefined ? 'nothing' : stats.isFile() ? 'file' : 'other'
  } catch {
    return 'other'
  }
}

const IS_FILE = 0o100000
const PERMISSIONS = 0o777
const BLOCK_BYTES = 512n

/**
 * Returns the Stats of a file that is not here, from its record. Other fields are those of the
 * directory.
 */
export function statsOf(record: FileRecord, directory: Stats | BigIntStats): Stats | BigIntStats {
  const mode = IS_FILE | (record.mode & PERMISSIONS)
  const blocks = (record.size + BLOCK_BYTES - 1n) / BLOCK_BYTES
  const ms = Number(record.mtimeNs) / 1e6
  const time = new Date(ms)
  const times = { atime: time, mtime: time, ctime: time, birthtime: time }
  if (typeof directory.size === 'bigint') {
    const { size, mtimeNs } = record
    const timesMs = {
      atimeMs: BigInt(Math.trunc(ms)),
      mtimeMs: BigInt(Math.trunc(ms)),
      ctimeMs: BigInt(Math.trunc(ms)),
    }
    const timesNs = { atimeNs: mtimeNs, mtimeNs, ctimeNs: mtimeNs, birthtimeNs: mtimeNs }
    const own = { mode: BigInt(mode), size, blocks, nlink: 1n, ino: 0n, birthtimeMs: timesMs.mtimeMs }
    return Object.assign(directory, own, timesMs, timesNs, times)
  }
  const numbers = { mode, size: Number(record.size), blocks: Number(blocks), nlink: 1, ino: 0 }
  return Object.assign(directory, numbers, { atimeMs: ms, mtimeMs: ms, ctimeMs: ms, birthtimeMs: ms }, times)
}

/** Throws EACCES if the record does not permit the access. */
export function accessOf(record: FileRecord, wanted: number, call: CallName, errno: number): undefined {
  const owned = (record.mode >> 6) & 7
  if ((owned & wanted) === wanted) return undefined
  const message = 'the published file does not permit it'
  throw systemError({ kind: 'failed', errno, code: 'ERR_DYAD_REFUSED', message }, call)
}
