import fs from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkLater, checkNow } from './check-arguments.js'
import { isInside } from './drive.js'
import { type Callback, runAsPromise, runNow, runWithCallback } from './forms.js'
import { missingAddon } from './missing-addon.js'
import { type Operation, UNASKED } from './operation.js'
import { type ManagedPath, textOf } from './places.js'
import type { Program } from './program.js'
import type { CallName } from './system-error.js'
import { type Form, type Row, TABLE } from './table.js'

/** A function of node:fs, with its own `this`. */
export type Original = (...args: unknown[]) => unknown

/** A path that never exists. A call with it checks its other arguments, and does nothing else. */
const NOWHERE = '/dev/null/nowhere'
/** A file that can be opened and is empty. */
const NOTHING = '/dev/null'

/** The context of the replacements. */
export interface Replacing {
  readonly program: Program
  /** Receives an opened descriptor or FileHandle. */
  readonly opened: (value: unknown, path: string, flags: number) => void
  /** Returns the signal that ends the wait of the open that a stream is making, if one is. */
  readonly opener: () => readonly AbortSignal[]
}

/** Replaces every function of the table. */
export function replaceAll(replacing: Replacing): void {
  keepOwnTrees()
  for (const row of TABLE) {
    for (const form of row.forms) {
      const owner: object = form === 'promise' ? fs.promises : fs
      const name = form === 'sync' ? `${row.name}Sync` : row.name
      const [holder, member] = row.isNative ? [Reflect.get(owner, name), 'native'] : [owner, name]
      replace(holder, member, (original) => formOf(form)(row, original, replacing))
    }
  }
}

/**
 * Makes node:fs load its own copying of trees before its functions are replaced: the operation
 * around the whole asks for each file once.
 */
function keepOwnTrees(): void {
  try {
    fs.cpSync(NOWHERE, NOWHERE)
  } catch {
    // The file is missing.
  }
}

/** Replaces a function by another with the same name and length. */
export function replace(owner: object, name: string, wrap: (original: Original) => Original): void {
  const original: unknown = Reflect.get(owner, name)
  if (typeof original !== 'function') return
  const wrapper = wrap((...args) => Reflect.apply(original, owner, args))
  const { prototype: _, ...described } = Object.getOwnPropertyDescriptors(original)
  Object.defineProperties(wrapper, described)
  Object.defineProperty(owner, name, { ...Object.getOwnPropertyDescriptor(owner, name), value: wrapper })
}

function formOf(form: Form): (row: Row, original: Original, replacing: Replacing) => Original {
  if (form === 'callback') return callbackForm
  return form === 'sync' ? syncForm : promiseForm
}

function syncForm(row: Row, original: Original, replacing: Replacing): Original {
  const { program } = replacing
  const run = (args: readonly unknown[], operation: Operation) => {
    if (program.native === undefined && !operation.isUnasked) throw missingAddon(args[0])
    if (isToBeChecked(row, args)) checkNow(() => original(...nowhere(row, args)))
    try {
      return runNow(program, operation, () => original(...(operation.args ?? args)))
    } catch (error) {
      if (row.name === 'exists') return false
      throw error
    }
  }
  return (...args) => {
    const operation = planned(row, args, replacing, true)
    if (operation !== undefined) return run(args, operation)
    let result: unknown
    try {
      result = original(...args)
      if (!row.findsNothing(result)) return result
    } catch (error) {
      const behind = isMissing(error) ? behindLinks(row, args, replacing, true) : undefined
      if (behind === undefined) throw error
      return run(args, behind)
    }
    const behind = behindLinks(row, args, replacing, true)
    return behind === undefined ? result : run(args, behind)
  }
}

function callbackForm(row: Row, original: Original, replacing: Replacing): Original {
  const { program, opener } = replacing
  const run = (rest: readonly unknown[], given: Callback, operation: Operation) => {
    if (isToBeChecked(row, rest)) checkNow(() => original(...nowhere(row, rest), () => {}))
    const callback = row.name === 'exists' ? asExists(given) : given
    const anchored = anchor(row, operation.args ?? rest)
    const ends = row.name === 'open' ? opener() : []
    const real = (called: Callback) =>
      // A destroyed stream closes its file, and must not get an error.
      ends.some(({ aborted }) => aborted) ? original(NOTHING, 'r', called) : original(...anchored(), called)
    runWithCallback(program, operation, real, callback, [...signalsIn(rest), ...ends])
  }
  return (...args) => {
    const at = args.findLastIndex((arg) => typeof arg === 'function')
    const rest = args.slice(0, at)
    const operation = at === -1 ? undefined : planned(row, rest, replacing, false)
    const callback = args[at] as Callback
    if (operation !== undefined) return run(rest, callback, operation)
    if (at === -1 || isInside() || !row.reads(rest) || !program.consumes) return original(...args)
    return original(...rest, (...values: unknown[]) => {
      const [error] = values
      const isGone = row.name === 'exists' ? error === false : isMissing(error)
      const behind = isGone ? behindLinks(row, rest, replacing, false) : undefined
      if (behind === undefined) return callback(...values)
      return run(rest, callback, behind)
    })
  }
}

/** The callback of exists() has no error. */
function asExists(callback: Callback): Callback {
  return (first, second) => callback(first === true || second === true)
}

function promiseForm(row: Row, original: Original, replacing: Replacing): Original {
  const { program } = replacing
  const run = (args: readonly unknown[], operation: Operation) => {
    const wrong = new AbortController()
    if (isToBeChecked(row, args)) checkLater(() => original(...nowhere(row, args)), wrong)
    const anchored = anchor(row, operation.args ?? args)
    return runAsPromise(program, operation, () => original(...anchored()), [...signalsIn(args), wrong.signal])
  }
  return (...args) => {
    const operation = planned(row, args, replacing, false)
    if (operation !== undefined) return run(args, operation)
    const result = original(...args)
    if (isInside() || !row.reads(args) || !program.consumes || !(result instanceof Promise)) return result
    return result.then(undefined, (error: unknown) => {
      const behind = isMissing(error) ? behindLinks(row, args, replacing, false) : undefined
      if (behind === undefined) throw error
      return run(args, behind)
    })
  }
}

/** Returns the operation around a call, or undefined if its paths are not managed. */
function planned(row: Row, args: readonly unknown[], replacing: Replacing, isSync: boolean): Operation | undefined {
  if (isInside()) return undefined
  const { places, links, consumes } = replacing.program
  if (row.renames) links.forget()
  const [first, second] = args
  let [one, two] = [places.locate(first), row.paths === 2 ? places.locate(second) : undefined]
  const written = (path: unknown) => (row.opens ? links.opened(path) : links.written(path))
  for (const index of row.writes(args)) {
    if (index === 0) one ??= written(first)
    else two ??= written(second)
  }
  if (consumes && row.opens && row.reads(args)) one ??= links.opened(first)
  if (one === undefined && two === undefined) return undefined
  // Node removes a tree with the replaced functions.
  if (one !== undefined && replacing.program.trees.isBeingRemoved(one.absolute)) return undefined
  return planFor(row, args, replacing, isSync, one, two)
}

/**
 * Returns the operation around a call that found nothing at its path, if links lead from there to a
 * managed one.
 */
function behindLinks(row: Row, args: readonly unknown[], replacing: Replacing, isSync: boolean): Operation | undefined {
  const { program } = replacing
  if (isInside() || !program.consumes || !row.reads(args)) return undefined
  const managed = program.links.read(args[0])
  return managed && planFor(row, args, replacing, isSync, managed, undefined)
}

function planFor(
  row: Row,
  args: readonly unknown[],
  { program, opened }: Replacing,
  isSync: boolean,
  first: ManagedPath | undefined,
  second: ManagedPath | undefined,
): Operation {
  return row.plan({ program, first, second, args, call: callName(row, args), isSync, opened }) ?? UNASKED
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function callName({ syscall, paths }: Row, [first, second]: readonly unknown[]): CallName {
  return { syscall, path: shown(first), ...(paths === 2 && { dest: shown(second) }) }
}

/** Returns a path as errors of node:fs show it. */
function shown(path: unknown): string {
  return path instanceof URL ? fileURLToPath(path) : String(path)
}

/** Returns true if node:fs may refuse the arguments, which it must do before any wait. */
function isToBeChecked({ paths, waits }: Row, args: readonly unknown[]): boolean {
  return waits && args.some((arg, index) => index >= paths && arg !== undefined)
}

/** Replaces the paths among the arguments by one that leads nowhere. */
function nowhere({ paths }: Row, args: readonly unknown[]): unknown[] {
  return args.map((arg, index) => (index < paths && textOf(arg)?.includes('\0') === false ? NOWHERE : arg))
}

/**
 * Makes the relative paths among the arguments independent of later changes of the working
 * directory.
 */
function anchor({ paths }: Row, args: readonly unknown[]): () => readonly unknown[] {
  const isRelative = (arg: unknown, index: number): arg is string =>
    index < paths && typeof arg === 'string' && !isAbsolute(arg)
  if (!args.some(isRelative)) return () => args
  const cwd = process.cwd()
  return () =>
    process.cwd() === cwd ? args : args.map((arg, index) => (isRelative(arg, index) ? resolve(cwd, arg) : arg))
}

function signalsIn(args: readonly unknown[]): AbortSignal[] {
  return args.flatMap((arg) => {
    const signal: unknown = typeof arg === 'object' && arg !== null ? Reflect.get(arg, 'signal') : undefined
    return signal instanceof AbortSignal ? [signal] : []
  })
}
