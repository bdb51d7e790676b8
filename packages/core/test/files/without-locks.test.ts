import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

/** Keeps the library from being found, as on a system for which it has no build. */
const MISSING = `
import { Module } from 'node:module'
const resolve = Module._resolveFilename
Module._resolveFilename = (name, ...rest) => {
  if (name.startsWith('fs-native-extensions')) throw new Error('no such build')
  return resolve(name, ...rest)
}`

for (const isMissing of [false, true]) {
  test(`${isMissing ? 'without' : 'with'} the library of locks`, async (t) => {
    const root = t.testdir({ files: { '.dyad-0123456789-abcdef0': 'left by somebody' } })
    const missing = isMissing ? [`--import=data:text/javascript,${encodeURIComponent(MISSING)}`] : []
    const child = fork(fileURLToPath(new URL('without-locks-process.ts', import.meta.url)), [root], {
      execArgv: ['--import=tsx', ...missing],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    t.teardown(() => child.kill('SIGKILL'))
    if (!isMissing) {
      // The second waits for the first.
      const told = once(child, 'message').then(() => true)
      const late = new Promise((resolve) => setTimeout(resolve, 2_000, false))
      t.equal(await Promise.race([told, late]), false)
      return
    }
    const [told] = await once(child, 'message')
    t.same(told, {
      hasFileLocks: false,
      held: [true, true],
      regained: false,
      files: 2,
      code: 'ENOSYS',
      warnings: ['DYAD_NO_LOCKS'],
    })
  })
}
