import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { readConfigWithToken, tokenSource } from '../../src/options/config.js'
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

test('processes that begin at once agree on one token', async (t) => {
  const path = join(directory(t), 'config', 'dyad', 'token')
  const program = fileURLToPath(new URL('token-file-process.ts', import.meta.url))
  const options = { execArgv: ['--import=tsx'], env: { ...process.env, NODE_OPTIONS: '' } }
  const children = Array.from({ length: 4 }, () => fork(program, [path], options))
  // All are loaded by then.
  await Promise.all(children.map((child) => once(child, 'message')))
  const said = children.map((child) => once(child, 'message'))
  for (const child of children) child.send('go')
  const tokens = (await Promise.all(said)).map(([token]) => String(token))
  t.strictSame([...new Set(tokens)], [readFileSync(path, 'utf8').trim()])
  t.strictSame(readdirSync(join(path, '..')), ['token'])
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
    refused(mode.toString(8), /others may read or write.*chmod 600/)
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
  refused('a directory', /no regular file|EISDIR/)
  rmSync(path, { recursive: true })
  execFileSync('mkfifo', ['-m', '600', path])
  refused('a pipe, which nobody opens for writing', /no regular file/)
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
