import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { makeDirectory } from '../../src/files/make-directory.js'

test('what is missing is made, with the permissions asked for, and what is there is left alone', async (t) => {
  const root = t.testdir({ there: {}, file: '' })
  makeDirectory(`${root}/there/a/b/c`, 0o700)
  t.equal(statSync(`${root}/there/a`).mode & 0o777, 0o700)
  t.equal(statSync(`${root}/there/a/b/c`).mode & 0o777, 0o700)
  makeDirectory(`${root}/there/a/b/c`)
  t.equal(statSync(`${root}/there/a/b/c`).mode & 0o777, 0o700)
  symlinkSync(`${root}/there`, `${root}/link`)
  makeDirectory(`${root}/link`)
  makeDirectory(`${root}/link/new`)
  t.ok(statSync(`${root}/there/new`).isDirectory())
  makeDirectory('/')
})

test('what is in the way is an error of the system, and so is a place where nothing can be made', async (t) => {
  const root = t.testdir({ file: '' })
  symlinkSync(`${root}/nowhere`, `${root}/dangling`)
  t.throws(() => makeDirectory(`${root}/file`), { code: 'EEXIST' })
  t.throws(() => makeDirectory(`${root}/file/below/it`), { code: 'ENOTDIR' })
  t.throws(() => makeDirectory(`${root}/dangling`), { code: 'EEXIST' })
  t.throws(() => makeDirectory(`${root}/${'x'.repeat(256)}/y`), { code: 'ENAMETOOLONG' })
  if (process.platform === 'linux') {
    // The recursive mkdir of Node never returns from this.
    t.throws(() => makeDirectory('/proc/dyad-nothing/below'), { code: 'ENOENT' })
  }
})

test('nothing else makes the directories above a path: the recursive mkdir of Node may never end', async (t) => {
  const packages = fileURLToPath(new URL('../../../', import.meta.url))
  const offenders = readdirSync(packages)
    .flatMap((name) => {
      const source = `${packages}${name}/src`
      return readdirSync(source, { recursive: true, encoding: 'utf8' }).map((file) => `${source}/${file}`)
    })
    .filter((file) => file.endsWith('.ts') && !file.includes('/conformance/'))
    .filter((file) => /\bmkdir(Sync)?\([^;]*recursive:/.test(readFileSync(file, 'utf8')))
  t.strictSame(offenders, [])
})
