import { mkdirSync, symlinkSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import { ManagedDirectory } from '../src/managed-directory.js'

test('every spelling of a path names the same file', async (t) => {
  const root = t.testdir({ real: { sub: {} } })
  symlinkSync(`${root}/real`, `${root}/link`)
  const directory = await ManagedDirectory.open(`${root}/link`)
  t.equal(directory.real, `${root}/real`)
  const expected = { path: 'a/b', local: `${root}/real/a/b` }
  for (const spelling of [
    'a/b',
    'a//b',
    './a/./b',
    'a/c/../b',
    `${root}/link/a/b`,
    `${root}/real/a/b`,
    `${root}/x/../real//a/b`,
  ]) {
    t.strictSame(await directory.locate(spelling, true), expected, spelling)
  }
  t.strictSame(await directory.locate(pathToFileURL(`${root}/link/a/b`), true), expected, 'a URL')
  symlinkSync(`${root}/real/sub`, `${root}/elsewhere`)
  t.strictSame(
    await directory.locate(`${root}/elsewhere/new/x`, true),
    { path: 'sub/new/x', local: `${root}/real/sub/new/x` },
    'by a link from elsewhere into it',
  )
  symlinkSync('/', `${root}/all`)
  const all = await ManagedDirectory.open(`${root}/all`)
  t.strictSame(await all.locate(`${root}/all/x`, true), { path: 'x', local: '/x' }, 'below the root of the system')
})

test('what lies outside is none of its business', async (t) => {
  const root = t.testdir({ managed: {}, 'managed-too': {} })
  const directory = await ManagedDirectory.open(`${root}/managed`)
  for (const outside of ['../x', 'a/../../x', `${root}/x`, `${root}/managed-too/x`, '/', '.', `${root}/managed`]) {
    t.equal(await directory.locate(outside, true), undefined, outside)
  }
  t.strictSame(
    await directory.locate('..x/...', true),
    { path: '..x/...', local: `${root}/managed/..x/...` },
    'names that begin with dots are names',
  )
})

test('a relative path is relative to the working directory if asked', async (t) => {
  const root = t.testdir({ managed: {} })
  const directory = await ManagedDirectory.open(`${root}/managed`)
  t.equal(await directory.locate('x', false), undefined)
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(`${root}/managed`)
  t.strictSame(await directory.locate('x', false), { path: 'x', local: `${root}/managed/x` })
})

test('a directory that is missing is made, and one that cannot be is an error', async (t) => {
  const root = t.testdir({ file: '' })
  t.equal((await ManagedDirectory.open(`${root}/a/b`)).real, `${root}/a/b`)
  await t.rejects(ManagedDirectory.open(`${root}/file`), { code: 'ERR_DYAD_SYSTEM', rc: -1 })
})

test('what cannot be a managed path is refused', async (t) => {
  const directory = await ManagedDirectory.open(t.testdir())
  mkdirSync(`${directory.real}/d`)
  for (const bad of ['a\0b', '\ud800', 'x'.repeat(256), `${'d/'.repeat(1_999)}d`, '.dyad-1', 'd/.dyad-x']) {
    await t.rejects(directory.locate(bad, true), { code: 'ERR_DYAD_PATH', rc: -1003 })
  }
})

test("a path that ends as a directory's does names no file", async (t) => {
  const root = t.testdir({ managed: {} })
  const directory = await ManagedDirectory.open(`${root}/managed`)
  for (const spelling of ['x/', 'x/.', 'x//', 'x/y/..', 'x/y/../', `${root}/managed/x/`])
    await t.rejects(directory.locate(spelling, true), { code: 'ERR_DYAD_PATH' }, spelling)
  for (const spelling of ['.', './', '', `${root}/managed/`, '../'])
    t.equal(await directory.locate(spelling, true), undefined, `'${spelling}' is no file of it`)
  for (const name of ['x.', 'x..', '...', '..x']) t.match(await directory.locate(name, true), { path: name }, name)
})

test('a path that the system cannot take below the directory is refused', async (t) => {
  const deep = `${t.testdir()}/${'d'.repeat(200)}/${'d'.repeat(200)}`
  const directory = await ManagedDirectory.open(deep)
  const path = `${'p/'.repeat(1_850)}x`
  await t.rejects(directory.locate(path, true), { code: 'ERR_DYAD_PATH', message: /more than 4095 bytes/ })
})
