import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { test } from 'tap'
import { prepareStateDirectory } from '../../src/user/state-directory.js'

test('a directory for state that others can write to is refused', async (t) => {
  const root = t.testdir({ open: {}, file: '' })
  chmodSync(`${root}/open`, 0o777)
  t.throws(() => prepareStateDirectory(`${root}/open`), { code: 'ERR_DYAD_OPTION', message: /DYAD_STATE_DIR/ })
  mkdirSync(`${root}/theirs`, { mode: 0o700 })
  symlinkSync(`${root}/theirs`, `${root}/link`)
  t.throws(() => prepareStateDirectory(`${root}/link`), { code: 'ERR_DYAD_OPTION' })
  t.doesNotThrow(() => prepareStateDirectory(`${root}/new/one`))
  t.equal(statSync(`${root}/new/one`).mode & 0o777, 0o700)
})

test('one that cannot be made is named, with what to do', async (t) => {
  const root = t.testdir({ file: '' })
  const places = [`${root}/file`, `${root}/file/state`, `${root}/${'x'.repeat(300)}`]
  if (process.platform === 'linux') places.push('/proc/dyad-nothing/state')
  for (const path of places) {
    const message = /invalid value: stateDir \(DYAD_STATE_DIR\) '.*' on host '.*\. Set it to a directory of your own/
    t.throws(() => prepareStateDirectory(path), { code: 'ERR_DYAD_OPTION', path, message })
  }
})
