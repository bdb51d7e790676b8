import fs from 'node:fs'
import { type Callback, runNow, runWithCallback } from './forms.js'
import { closing, touchingOpen } from './operations.js'
import type { Program } from './program.js'
import { type Original, replace } from './replace.js'
import { noteDamage } from './written.js'

/** Functions of node:fs that write through a descriptor; some also take a path. */
const WRITING = ['write', 'writev', 'writeFile', 'appendFile', 'ftruncate', 'fsync', 'fdatasync'] as const

/**
 * Functions of node:fs that change attributes in the record of an open file, by their names in
 * errors.
 */
const TOUCHING = [
  ['fchmod', 'fchmod'],
  ['futimes', 'futime'],
] as const

/** Replaces the functions that close and write descriptors. */
export function replaceDescriptorCalls(program: Program): void {
  const { written } = program
  replace(fs, 'close', (original) => (fd, ...rest) => {
    const open = written.get(fd)
    if (open === undefined) return original(fd, ...rest)
    const [given] = rest
    if (given !== undefined && typeof given !== 'function') return original(fd, ...rest)
    // Without a callback node:fs throws.
    const callback: Callback = given === undefined ? throwIt : (given as Callback)
    return runWithCallback(program, closing(program, open), (called) => original(fd, called), callback)
  })
  replace(fs, 'closeSync', (original) => (fd, ...rest) => {
    const open = written.get(fd)
    if (open === undefined) return original(fd, ...rest)
    return runNow(program, closing(program, open), () => original(fd, ...rest))
  })
  for (const [name, syscall] of TOUCHING) {
    replace(fs, name, (original) => (...args) => {
      const at = args.findLastIndex((arg) => typeof arg === 'function')
      const operation = at === -1 ? undefined : touchingOpen(program, args[0], { syscall })
      if (operation === undefined) return original(...args)
      const rest = args.slice(0, at)
      return runWithCallback(program, operation, (called) => original(...rest, called), args[at] as Callback)
    })
    replace(fs, `${name}Sync`, (original) => (...args) => {
      const operation = touchingOpen(program, args[0], { syscall })
      return operation === undefined ? original(...args) : runNow(program, operation, () => original(...args))
    })
  }
  for (const name of WRITING) {
    replace(fs, name, (original) => noting(program, original))
    replace(fs, `${name}Sync`, (original) => notingNow(program, original))
  }
}

function throwIt(error: unknown): void {
  if (error) throw error
}

function noting({ written }: Program, original: Original): Original {
  return (...args) => {
    const open = written.isEmpty ? undefined : written.get(args[0])
    if (open === undefined) return original(...args)
    const at = args.findLastIndex((arg) => typeof arg === 'function')
    if (at === -1) return original(...args)
    const callback = args[at] as Callback
    return original(...args.slice(0, at), (error: unknown, ...values: unknown[]) => {
      noteDamage(open, error)
      return callback(error, ...values)
    })
  }
}

function notingNow({ written }: Program, original: Original): Original {
  return (...args) => {
    const open = written.isEmpty ? undefined : written.get(args[0])
    if (open === undefined) return original(...args)
    try {
      return original(...args)
    } catch (error) {
      noteDamage(open, error)
      throw error
    }
  }
}
