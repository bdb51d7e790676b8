#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Node opens the modules of a program at once, about as many as this. */
const FEWEST_FILES = 160

// Once the modules have taken all descriptors, none is free to read the limit.
const most = limit()
await import('../dist/cli/main.js').catch((error) => {
  // Where no descriptor is free, Node takes a module for missing.
  if (error.code !== 'EMFILE' && !(error.code === 'ERR_MODULE_NOT_FOUND' && most < FEWEST_FILES)) throw error
  const what = `no file descriptor is free: on host '${hostname()}' (the command may open ${most} files, too few to start)`
  process.stderr.write(`dyad: ERR_DYAD_DESCRIPTORS: ${what}. Raise the limit: \`ulimit -n ${FEWEST_FILES}\` or more.\n`)
  process.exitCode = 1
})

/** The soft limit of open files, as far as the system says. */
function limit() {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
