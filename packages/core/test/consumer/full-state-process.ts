/**
 * Takes locks while a directory for state, which has few inodes, is full, and once there is room
 * again; told as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { NodeLocks } from '../../src/consumer/node-lock.js'

const [state = ''] = process.argv.slice(2)
const wait = { signal: new AbortController().signal, patience: 60_000 }
const fillers: string[] = []
let full: unknown
while (full === undefined) {
  const path = `${state}/filler-${fillers.length}`
  try {
    writeFileSync(path, '')
    fillers.push(path)
  } catch (error) {
    full = (error as NodeJS.ErrnoException).code
  }
}
using one = await NodeLocks.open(state)
using two = await NodeLocks.open(state)
const held: boolean[] = []
for (const locks of [one, two]) {
  using lock = await locks.take('x', wait)
  held.push(lock.isHeld)
}
for (const path of fillers) rmSync(path)
const first = await one.take('x', wait)
let isSecondTaken = false
const second = two.take('x', wait).then((lock) => {
  isSecondTaken = true
  return lock
})
for (let i = 0; i < 20; i++) await setImmediate()
const waits = !isSecondTaken
first[Symbol.dispose]()
;(await second)[Symbol.dispose]()
console.log(JSON.stringify({ full, held, waits }))
