/** What happens where fs-native-extensions has no build: told as JSON. */
import { closeSync, readdirSync } from 'node:fs'
import { NodeLocks } from '../../src/consumer/node-lock.js'
import { hasFileLocks, tryLock } from '../../src/files/file-lock.js'
import { Temporaries } from '../../src/files/temporaries.js'

const [root = ''] = process.argv.slice(2)
const warnings: unknown[] = []
process.on('warning', (warning) => warnings.push((warning as NodeJS.ErrnoException).code))
const wait = { signal: new AbortController().signal, patience: 60_000 }
const one = await NodeLocks.open(`${root}/state`)
const two = await NodeLocks.open(`${root}/state`)
const locks = [await one.take('x', wait), await two.take('x', wait)]
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
const held = locks.map((lock) => lock.isHeld)
process.send?.({ hasFileLocks: hasFileLocks(), held, regained: await locks[0]?.regain(), files, code, warnings })
process.disconnect?.()
