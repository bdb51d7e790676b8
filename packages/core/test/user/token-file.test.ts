import { execFileSync, fork } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { messageFrom } from '../../../../test/harness/child.js'
import { tryLock } from '../../src/files/file-lock.js'
import { readConfig } from '../../src/options/config.js'
import { readConfigWithToken, tokenSource } from '../../src/options/token-source.js'
import { readOwnToken, readTokenFile } from '../../src/user/token-file.js'

function directory(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'dyad-token-'))
  t.teardown(() => {
    chmodSync(root, 0o700)
    rmSync(root, { recursive: true })
  })
  return root
}

test("a user's own token is made once, for this user alone", (t) => {
  const XDG_CONFIG_HOME = directory(t)
  const { token } = readConfigWithToken({}, { XDG_CONFIG_HOME })
  t.match(token, /^[\w-]{43}$/)
  t.equal(readConfigWithToken({}, { XDG_CONFIG_HOME }).token, token)
  const path = join(XDG_CONFIG_HOME, 'dyad', 'token')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(XDG_CONFIG_HOME, 'dyad')).mode & 0o777, 0o700)
  t.strictSame(readdirSync(join(XDG_CONFIG_HOME, 'dyad')), ['token'], 'nothing else is left')
  const HOME = directory(t)
  t.not(readConfigWithToken({}, { HOME }).token, token)
  t.ok(statSync(join(HOME, '.config', 'dyad', 'token')).isFile())
  t.strictSame(
    tokenSource({}, { HOME, XDG_CONFIG_HOME: 'relative' }),
    tokenSource({}, { HOME }),
    'a relative one is ignored',
  )
  t.end()
})

test('a relative place is none', (t) => {
  const home = { kind: 'own', path: join(userInfo().homedir, '.config', 'dyad', 'token') }
  for (const HOME of ['', '.', 'relative', './home']) t.strictSame(tokenSource({}, { HOME }), home, `HOME='${HOME}'`)
  t.strictSame(tokenSource({}, {}), home)
  const { stateDir } = readConfig({}, {})
  t.equal(stateDir, `/tmp/dyad-${process.getuid?.()}`)
  for (const XDG_RUNTIME_DIR of ['', '.', 'run/user', '/run/user/0', tmpdir()]) {
    t.equal(readConfig({}, { XDG_RUNTIME_DIR }).stateDir, stateDir, `XDG_RUNTIME_DIR='${XDG_RUNTIME_DIR}'`)
  }
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = '/var/tmp'
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
  })
  t.equal(readConfig({}, {}).stateDir, stateDir, 'nor does the directory for temporary files of a login count')
  t.end()
})

/**
 * Runs first in a process: link(2) there is as vfat and FUSE have it, which look at what stands at
 * the path first. Each call takes its time, so that all processes are between them at once.
 */
const WITHOUT_LINKS = `
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const dawdle = (ms = 100) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const open = fs.openSync
fs.openSync = (path, flags, mode) => {
  const fd = open(path, flags, mode)
  // A claim that another process has made, which puts its token there by then.
  if (typeof flags === 'number' && flags & fs.constants.O_CREAT) dawdle(300)
  return fd
}
fs.linkSync = (from, to) => {
  const code = fs.existsSync(to) ? 'EEXIST' : 'EPERM'
  dawdle()
  throw Object.assign(new Error(code + ': link'), { code, syscall: 'link' })
}
const rename = fs.renameSync
fs.renameSync = (from, to) => {
  const [whole, claim] = [fs.statSync(from), fs.statSync(to)]
  dawdle()
  process.placed = [whole.size, (whole.mode & 0o777).toString(8), claim.size, (claim.mode & 0o777).toString(8)]
  rename(from, to)
}
process.umask(0)
syncBuiltinESMExports()`

/** Keeps fs-native-extensions from being found, as on a system for which it has no build. */
const WITHOUT_LOCKS = `
import { Module } from 'node:module'
const resolve = Module._resolveFilename
Module._resolveFilename = (name, ...rest) => {
  if (name.startsWith('fs-native-extensions')) throw new Error('no such build')
  return resolve(name, ...rest)
}`

for (const [where, code] of [
  ['', ''],
  [' where there are no hard links', WITHOUT_LINKS],
  [' where there are neither links nor locks', WITHOUT_LINKS + WITHOUT_LOCKS],
] as const) {
  test(`processes that begin at once agree on one token${where}`, async (t) => {
    const path = join(directory(t), 'config', 'dyad', 'token')
    const program = fileURLToPath(new URL('token-file-process.ts', import.meta.url))
    const execArgv = ['--import=tsx', `--import=data:text/javascript,${encodeURIComponent(code)}`]
    const children = Array.from({ length: 4 }, () =>
      fork(program, [path], { execArgv, env: { ...process.env, NODE_OPTIONS: '' } }),
    )
    // All are loaded by then.
    await Promise.all(children.map((child) => messageFrom(child)))
    const said = children.map((child) => messageFrom<{ token: string; placed?: unknown }>(child))
    for (const child of children) child.send('go')
    const told = await Promise.all(said)
    t.strictSame([...new Set(told.map(({ token }) => token))], [readFileSync(path, 'utf8').trim()])
    t.strictSame(readdirSync(join(path, '..')), ['token'])
    t.equal(statSync(path).mode & 0o777, 0o600)
    const placed = told.flatMap((each) => (each.placed === undefined ? [] : [each.placed]))
    if (code !== '')
      t.strictSame(placed, [[44, '600', 0, '600']], 'one is put there whole, over nothing, for this user')
  })
}

test('an empty file of a token is one that somebody makes, or has died of making', (t) => {
  const path = join(directory(t), 'token')
  writeFileSync(path, '', { mode: 0o600 })
  const claimed = openSync(path, 'r+')
  t.ok(tryLock(claimed))
  t.throws(
    () => readOwnToken(path),
    { code: 'ERR_DYAD_OPTION', path, message: /DYAD_TOKEN_FILE.*is empty.*Remove the file/ },
    'it is alive',
  )
  closeSync(claimed)
  t.match(readOwnToken(path), /^[\w-]{43}$/)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.end()
})

test('where there are no locks, an empty file is left to whoever made it', (t) => {
  const path = join(directory(t), 'token')
  writeFileSync(path, '', { mode: 0o600 })
  const program = `
    import { readOwnToken } from ${JSON.stringify(new URL('../../src/user/token-file.ts', import.meta.url).href)}
    try { readOwnToken(${JSON.stringify(path)}) } catch (error) { console.log(error.code, error.detail) }`
  const without = `--import=data:text/javascript,${encodeURIComponent(WITHOUT_LOCKS)}`
  const args = ['--import=tsx', without, '--input-type=module', '--eval', program]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  t.match(said, /^ERR_DYAD_OPTION .*is empty, and the process that creates it/)
  t.equal(statSync(path).size, 0)
  t.end()
})

test('what the program says goes before the environment, and both before the file', (t) => {
  const root = directory(t)
  const [a, b] = [join(root, 'a'), join(root, 'b')]
  writeFileSync(a, 'the token in the file a\n', { mode: 0o600 })
  writeFileSync(b, 'the token in the file b\n', { mode: 0o600 })
  const env = { XDG_CONFIG_HOME: root }
  const tokenOf = (given: object, more: object) => readConfigWithToken(given, { ...env, ...more }).token
  const TOKEN = 'a token that is long enough'
  t.equal(tokenOf({}, { DYAD_TOKEN: TOKEN, DYAD_TOKEN_FILE: a }), TOKEN)
  t.equal(tokenOf({}, { DYAD_TOKEN_FILE: a }), 'the token in the file a')
  t.equal(tokenOf({ tokenFile: b }, { DYAD_TOKEN: TOKEN, DYAD_TOKEN_FILE: a }), 'the token in the file b')
  t.equal(tokenOf({ token: TOKEN, tokenFile: b }, { DYAD_TOKEN: 'another token of some length' }), TOKEN)
  t.equal(tokenOf({ open: true }, { DYAD_TOKEN: TOKEN }), undefined)
  t.equal(tokenOf({}, { DYAD_OPEN: '1' }), undefined)
  t.equal(tokenOf({ token: TOKEN }, { DYAD_OPEN: '1' }), TOKEN)
  t.match(tokenOf({ open: false }, { DYAD_OPEN: '1' }), /^[\w-]{43}$/)
  t.match(tokenOf({ token: '' }, {}), /^[\w-]{43}$/, 'an empty one is none')
  for (const [given, more] of [
    [{ open: true, token: TOKEN }, {}],
    [{}, { DYAD_OPEN: '1', DYAD_TOKEN_FILE: a }],
  ] as const) {
    t.throws(() => tokenOf(given, more), { code: 'ERR_DYAD_OPTION', message: /DYAD_OPEN/ })
  }
  t.end()
})

test('a file that is not this user’s alone is refused', (t) => {
  const root = directory(t)
  const path = join(root, 'token')
  const refused = (what: string, message: RegExp) =>
    t.throws(() => readTokenFile(path), { code: 'ERR_DYAD_OPTION', path, message }, what)
  refused('none', /ENOENT/)
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    writeFileSync(path, 'a token of somebody')
    chmodSync(path, mode)
    refused(mode.toString(8), /other users may read or write.*chmod 600/)
  }
  chmodSync(path, 0o600)
  t.equal(readTokenFile(path), 'a token of somebody')
  if (process.getuid?.() === 0) {
    chownSync(path, 54_321, 54_321)
    refused('another user', /belongs to user 54321/)
    chownSync(path, 0, 0)
  }
  for (const [what, text] of [
    ['empty', ' \n'],
    ['long', 'x'.repeat(5000)],
  ] as const) {
    writeFileSync(path, text)
    refused(what, /empty|more than/)
  }
  rmSync(path)
  mkdirSync(path)
  refused('a directory', /not a regular file|EISDIR/)
  rmSync(path, { recursive: true })
  execFileSync('mkfifo', ['-m', '600', path])
  refused('a pipe, which nobody opens for writing', /not a regular file/)
  t.end()
})

test('a user without a place for a token hears what to do', (t) => {
  const root = directory(t)
  const remedy = /DYAD_TOKEN_FILE.*XDG_CONFIG_HOME.*DYAD_TOKEN/
  t.throws(() => readOwnToken(undefined), { code: 'ERR_DYAD_OPTION', message: remedy })
  writeFileSync(join(root, 'file'), '')
  for (const path of ['/proc/dyad/token', join(root, 'file', 'dyad', 'token')]) {
    t.throws(() => readOwnToken(path), { code: 'ERR_DYAD_OPTION', path, message: remedy }, path)
  }
  t.end()
})
