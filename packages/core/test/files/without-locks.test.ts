import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { messageFrom } from '../../../../test/harness/child.js'

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
    t.strictSame(await messageFrom(child), {
      hasFileLocks: !isMissing,
      hasWaited: !isMissing,
      held: [isMissing, true],
      regained: !isMissing,
      files: isMissing ? 2 : 1,
      ...(isMissing && { code: 'ENOSYS' }),
      warnings: isMissing ? ['DYAD_NO_LOCKS'] : [],
    })
  })
}
