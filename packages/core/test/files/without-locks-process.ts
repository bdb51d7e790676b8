/** Tells how locks behave in this process, whether fs-native-extensions has a build or not. */
import { closeSync, readdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { NodeLocks } from '../../src/consumer/node-lock.js'
import { hasFileLocks, tryLock } from '../../src/files/file-lock.js'
import { Temporaries } from '../../src/files/temporaries.js'

const [root = ''] = process.argv.slice(2)
const warnings: unknown[] = []
process.on('warning', (warning) => warnings.push((warning as NodeJS.ErrnoException).code))
const wait = { signal: new AbortController().signal, patience: 60_000 }
const one = await NodeLocks.open(`${root}/state`)
const two = await NodeLocks.open(`${root}/state`)
const first = await one.take('x', wait)
let waits = true
const taking = two.take('x', wait).finally(() => {
  waits = false
})
// A lock that is free is taken in the turn in which it is asked for.
await turn()
const hasWaited = waits
if (hasWaited) first[Symbol.dispose]()
const second = await taking
const temporaries = new Temporaries()
const { path, fd } = temporaries.create(`${root}/files/x`, 0o600)
await temporaries.settled()
const files = readdirSync(`${root}/files`).length
temporaries.remove(path)
let code: unknown
try {
  tryLock(fd)
} catch (error) {
  code = (error as NodeJS.ErrnoException).code
}
closeSync(fd)
const held = [first.isHeld, second.isHeld]
if (hasWaited) second[Symbol.dispose]()
const regained = await first.regain()
process.send?.({ hasFileLocks: hasFileLocks(), hasWaited, held, regained, files, code, warnings })
process.disconnect?.()
