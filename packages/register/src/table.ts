import { constants } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { copyingTrees } from './copying-trees.js'
import { accessOf, looking, statsOf } from './looking.js'
import { numericFlags, READ, REWRITE } from './open-flags.js'
import { type Operation, together } from './operation.js'
import { changing, opening, using } from './operations.js'
import { moving, removing } from './operations-on-names.js'
import { own } from './own-fs.js'
import type { ManagedPath } from './places.js'
import type { Program } from './program.js'
import type { CallName } from './system-error.js'

/** How a function of node:fs is there. */
export type Form = 'callback' | 'sync' | 'promise' | 'promise of fs'

/** What a call is planned by. */
export interface Planning {
  readonly program: Program
  /** The managed paths that the arguments name; one of them at least. */
  readonly first: ManagedPath | undefined
  readonly second: ManagedPath | undefined
  /** Without the callback. */
  readonly args: readonly unknown[]
  readonly call: CallName
  readonly isSync: boolean
  /** Takes a descriptor or a FileHandle that writes. */
  readonly opened: (value: unknown, path: string) => void
}

/** A function of node:fs that takes paths. */
export interface Row {
  readonly name: string
  /** As errors of the function name it. */
  readonly syscall: string
  /** How many of its first arguments are paths. */
  readonly paths: 1 | 2
  readonly forms: readonly Form[]
  /** Whether something may be waited for before the call. */
  readonly waits: boolean
  plan(planning: Planning): Operation | undefined
}

const ALL: readonly Form[] = ['callback', 'sync', 'promise']
const NO_WAIT = { waits: false }

/** A row of a function that takes one path. */
function row(
  name: string,
  syscall: string,
  plan: (planning: Planning & { first: ManagedPath }) => Operation | undefined,
  { forms = ALL, waits = true } = {},
): Row {
  const planned = ({ first, ...rest }: Planning) => first && plan({ first, ...rest })
  return { name, syscall, paths: 1, forms, waits, plan: planned }
}

/** A row of a function that takes two paths. */
function rowOfTwo(name: string, syscall: string, plan: Row['plan'], { waits = true } = {}): Row {
  return { name, syscall, paths: 2, forms: ALL, waits, plan }
}

/** A row of a function whose options have a flag of open(2). */
function rowOfUse(name: string, flags: string): Row {
  return row(name, 'open', ({ program, first, args, call }) => {
    const given = numericFlags(memberOf(args[name === 'readFile' ? 1 : 2], 'flag') || flags, 0)
    return given === undefined ? undefined : using(program, first, given, call)
  })
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** A row of a function that asks for a file without opening it, and answers with its Stats. */
function rowOfStats(name: 'stat' | 'lstat'): Row {
  return row(name, name, ({ program, first, args, call }) =>
    looking(program, first, call, (record) => {
      const options = { bigint: memberOf(args[1], 'bigint') === true }
      return statsOf(record, own.statSync(program.places.directory, options))
    }),
  )
}

/** Every function of node:fs that takes the path of a file, and what is asked of the agent around it. */
export const TABLE: readonly Row[] = [
  row('open', 'open', ({ program, first, args, call, opened }) => {
    const flags = numericFlags(args[1], READ)
    return flags === undefined ? undefined : opening(program, first, flags, call, opened)
  }),
  rowOfUse('readFile', 'r'),
  rowOfUse('writeFile', 'w'),
  rowOfUse('appendFile', 'a'),
  row('openAsBlob', 'open', ({ program, first, call }) => using(program, first, READ, call), {
    forms: ['sync', 'promise of fs'],
  }),
  row('truncate', 'open', ({ program, first, call }) => changing(program, first, call)),
  row('utimes', 'utime', ({ program, first, call }) => changing(program, first, call)),
  row('lutimes', 'lutime', ({ program, first, call }) => changing(program, first, call)),
  rowOfTwo('copyFile', 'copyfile', ({ program, first, second, args, call }) => {
    const mode = typeof args[2] === 'number' ? args[2] : 0
    const flags = mode & constants.COPYFILE_EXCL ? REWRITE | constants.O_EXCL : REWRITE
    const source = first && using(program, first, READ, call)
    const target = second && using(program, second, flags, call)
    return together([source, target].filter((operation) => operation !== undefined))
  }),
  rowOfTwo('cp', 'cp', ({ program, args, isSync }) => copyingTrees(program, args, isSync), NO_WAIT),
  rowOfTwo('rename', 'rename', ({ program, first, second, call }) => moving(program, first, second, call), NO_WAIT),
  rowOfTwo('link', 'link', ({ program, second, call }) => moving(program, undefined, second, call), NO_WAIT),
  row('unlink', 'unlink', ({ first, call }) => removing(first, call), NO_WAIT),
  row('rm', 'rm', ({ first, call }) => removing(first, call), NO_WAIT),
  row('rmdir', 'rmdir', ({ first, call }) => removing(first, call), NO_WAIT),
  rowOfStats('stat'),
  rowOfStats('lstat'),
  row('access', 'access', ({ program, first, args, call }) =>
    looking(program, first, call, (record) => {
      const mode = typeof args[1] === 'number' ? args[1] : constants.F_OK
      return accessOf(record, mode, call, osConstants.errno.EACCES)
    }),
  ),
  row('exists', 'access', ({ program, first, call }) => looking(program, first, call, () => true), {
    forms: ['callback', 'sync'],
  }),
  row('realpath', 'lstat', ({ program, first, call }) => looking(program, first, call, () => first.absolute)),
]
