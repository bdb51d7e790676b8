import { constants } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { copyingTrees } from './copying-trees.js'
import { accessOf, looking, statsOf } from './looking.js'
import { numericFlags, READ, REWRITE, reads, UPDATE, writes } from './open-flags.js'
import { type Operation, together } from './operation.js'
import { opening, touching, using } from './operations.js'
import { moving, removing, removingTree } from './operations-on-names.js'
import { own } from './own-fs.js'
import type { ManagedPath } from './places.js'
import type { Program } from './program.js'
import type { CallName } from './system-error.js'

/** The form of a function of node:fs. */
export type Form = 'callback' | 'sync' | 'promise' | 'promise of fs'

/** The data that plans a call. */
export interface Planning {
  readonly program: Program
  /** The managed paths of the arguments, at least one. */
  readonly first: ManagedPath | undefined
  readonly second: ManagedPath | undefined
  /** The arguments without the callback. */
  readonly args: readonly unknown[]
  readonly call: CallName
  readonly isSync: boolean
  /** Receives an opened descriptor or FileHandle. */
  readonly opened: (value: unknown, path: string, flags: number) => void
}

/** A function of node:fs that takes paths. */
export interface Row {
  readonly name: string
  /** Its name in errors. */
  readonly syscall: string
  /** Whether it is the member `native` of the function of this name. */
  readonly isNative: boolean
  /** Number of its first arguments that are paths. */
  readonly paths: 1 | 2
  readonly forms: readonly Form[]
  /** Whether the call may wait before it runs. */
  readonly waits: boolean
  /** Returns true if the call reads the file at its first path, or looks at it. */
  reads(args: readonly unknown[]): boolean
  /** Returns the indices of the paths that the call writes, makes or removes. */
  writes(args: readonly unknown[]): readonly number[]
  /** Returns true if a result means, without an error, that nothing is there. */
  findsNothing(result: unknown): boolean
  /** Whether the call may change where a path leads. */
  readonly renames: boolean
  /** Whether the call opens its paths, which follows links. */
  readonly opens: boolean
  plan(planning: Planning): Operation | undefined
}

type Use = Partial<Omit<Row, 'name' | 'syscall' | 'paths' | 'opens' | 'plan'>>

const ALL: readonly Form[] = ['callback', 'sync', 'promise']
const READ_ONLY: Use = { reads: () => true }
const FIRST: readonly number[] = [0]
const SECOND: readonly number[] = [1]
const BOTH: readonly number[] = [0, 1]
const NONE: readonly number[] = []
const OPENING: ReadonlySet<string> = new Set(['open', 'copyfile'])
const DEFAULT = {
  forms: ALL,
  isNative: false,
  waits: true,
  reads: () => false,
  writes: () => NONE,
  findsNothing: () => false,
  renames: false,
}

/** Returns the row of a function that takes one path. */
function row(
  name: string,
  syscall: string,
  plan: (planning: Planning & { first: ManagedPath }) => Operation | undefined,
  use: Use,
): Row {
  const planned = ({ first, ...rest }: Planning) => first && plan({ first, ...rest })
  return { name, syscall, paths: 1, opens: OPENING.has(syscall), ...DEFAULT, ...use, plan: planned }
}

/** Returns the row of a function that takes two paths. */
function rowOfTwo(name: string, syscall: string, plan: Row['plan'], use: Use): Row {
  return { name, syscall, paths: 2, opens: OPENING.has(syscall), ...DEFAULT, ...use, plan }
}

/**
 * Returns the row of a function that opens a file with the flags that `flagsOf` finds in its
 * arguments.
 */
function rowOfFlags(
  name: string,
  flagsOf: (args: readonly unknown[]) => number | undefined,
  plan: (planning: Planning & { first: ManagedPath }, flags: number) => Operation | undefined,
): Row {
  const planned = (planning: Planning & { first: ManagedPath }) => {
    const flags = flagsOf(planning.args)
    return flags === undefined ? undefined : plan(planning, flags)
  }
  const use: Use = {
    reads: (args) => reads(flagsOf(args) ?? 0),
    writes: (args) => (writes(flagsOf(args) ?? 0) ? FIRST : NONE),
  }
  return row(name, 'open', planned, use)
}

/**
 * Returns the row of a function that opens a file, uses it and closes it. Its options may have
 * flags.
 */
function rowOfUse(name: string, optionsAt: number, flag: string): Row {
  const flagsOf = (args: readonly unknown[]) => numericFlags(memberOf(args[optionsAt], 'flag') || flag, 0)
  return rowOfFlags(name, flagsOf, ({ program, first, call }, flags) => using(program, first, flags, call))
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/**
 * The operation around a rename or a link, which needs the file itself. `from` is the name that it
 * removes.
 */
function movingFrom({ program, first, second, call }: Planning, from: ManagedPath | undefined): Operation | undefined {
  const bringing = first && looking(program, first, call)
  const parts = [bringing, moving(program, from, second, call)]
  return together(parts.filter((operation) => operation !== undefined))
}

/** Returns the row of a function that returns the Stats of a file without opening it. */
function rowOfStats(name: 'stat' | 'lstat'): Row {
  return row(
    name,
    name,
    ({ program, first, args, call }) =>
      looking(program, first, call, (record) => {
        const options = { bigint: memberOf(args[1], 'bigint') === true }
        return statsOf(record, own.statSync(program.places.directory, options))
      }),
    { ...READ_ONLY, findsNothing: (result) => result === undefined },
  )
}

/** Every function of node:fs that takes the path of a file, and its requests to the agent. */
export const TABLE: readonly Row[] = [
  rowOfFlags(
    'open',
    (args) => numericFlags(args[1], READ),
    ({ program, first, call, opened }, flags) => opening(program, first, flags, call, opened),
  ),
  rowOfUse('readFile', 1, 'r'),
  rowOfUse('writeFile', 2, 'w'),
  rowOfUse('appendFile', 2, 'a'),
  row('openAsBlob', 'open', ({ program, first, call }) => using(program, first, READ, call), {
    ...READ_ONLY,
    forms: ['sync', 'promise of fs'],
  }),
  // node:fs opens the file with `r+`.
  row('truncate', 'open', ({ program, first, call }) => using(program, first, UPDATE, call), {
    ...READ_ONLY,
    writes: () => FIRST,
  }),
  row('chmod', 'chmod', ({ program, first, call }) => touching(program, first, call), { writes: () => FIRST }),
  row('utimes', 'utime', ({ program, first, call }) => touching(program, first, call), { writes: () => FIRST }),
  row('lutimes', 'lutime', ({ program, first, call }) => touching(program, first, call), { writes: () => FIRST }),
  rowOfTwo(
    'copyFile',
    'copyfile',
    ({ program, first, second, args, call }) => {
      const mode = typeof args[2] === 'number' ? args[2] : 0
      const flags = mode & constants.COPYFILE_EXCL ? REWRITE | constants.O_EXCL : REWRITE
      const source = first && using(program, first, READ, call)
      const target = second && using(program, second, flags, call)
      return together([source, target].filter((operation) => operation !== undefined))
    },
    { reads: () => true, writes: () => SECOND },
  ),
  rowOfTwo('cp', 'cp', ({ program, args, isSync }) => copyingTrees(program, args, isSync), {
    waits: false,
    writes: () => SECOND,
  }),
  rowOfTwo('rename', 'rename', (planning) => movingFrom(planning, planning.first), {
    renames: true,
    writes: () => BOTH,
  }),
  rowOfTwo('link', 'link', (planning) => movingFrom(planning, undefined), { writes: () => SECOND }),
  row('unlink', 'unlink', ({ first, call }) => removing(first, call), {
    waits: false,
    renames: true,
    writes: () => FIRST,
  }),
  row('rm', 'rm', ({ program, first, call }) => removingTree(program, first, call), {
    waits: false,
    renames: true,
    writes: () => FIRST,
  }),
  row('rmdir', 'rmdir', ({ program, first, call }) => removingTree(program, first, call), {
    waits: false,
    renames: true,
    writes: () => FIRST,
  }),
  rowOfTwo('symlink', 'symlink', () => undefined, { renames: true }),
  rowOfStats('stat'),
  rowOfStats('lstat'),
  row(
    'access',
    'access',
    ({ program, first, args, call }) =>
      looking(program, first, call, (record) => {
        const mode = typeof args[1] === 'number' ? args[1] : constants.F_OK
        return accessOf(record, mode, call, osConstants.errno.EACCES)
      }),
    READ_ONLY,
  ),
  row('exists', 'access', ({ program, first, call }) => looking(program, first, call, () => true), {
    forms: ['callback', 'sync'],
  }),
  row('realpath', 'lstat', ({ program, first, call }) => looking(program, first, call, () => first.absolute), {}),
  row('realpath', 'realpath', ({ program, first, call }) => looking(program, first, call, () => first.absolute), {
    forms: ['callback', 'sync'],
    isNative: true,
  }),
]
