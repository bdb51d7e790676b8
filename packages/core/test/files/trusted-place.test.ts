import fs, {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { type Test, test } from 'tap'
import { assertTrustedPlace } from '../../src/files/trusted-place.js'
import { ManagedDirectory } from '../../src/managed-directory.js'
import { prepareStateDirectory } from '../../src/user/state-directory.js'

const OTHER = 54_321
const skip = process.getuid?.() !== 0 && 'only root can give files to others'

/** A directory with one in it where everybody may write, as in the system's for temporary files. */
function site(t: Test): { root: string; open: string } {
  const root = mkdtempSync(`${realpathSync(tmpdir())}/dyad-trusted-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  mkdirSync(`${root}/open`)
  chmodSync(`${root}/open`, 0o1777)
  mkdirSync(`${root}/victim`)
  return { root, open: `${root}/open` }
}

test('what another user put where everybody may write is no place for files', { skip }, async (t) => {
  const { root, open } = site(t)
  mkdirSync(`${open}/theirs/below`, { recursive: true })
  chownSync(`${open}/theirs`, OTHER, OTHER)
  symlinkSync(`${root}/victim`, `${open}/link`)
  lchownSync(`${open}/link`, OTHER, OTHER)
  symlinkSync(`${open}/theirs`, `${root}/to-theirs`)
  symlinkSync('open/./../open/link', `${root}/to-link`)
  for (const way of [
    'open/theirs',
    'open/theirs/below',
    'open/theirs/new',
    'open/link',
    'open/link/new',
    'to-theirs',
    'to-link',
    'to-link/x',
  ]) {
    const refusal = {
      code: 'ERR_DYAD_OPTION',
      path: `${root}/${way}`,
      message: /was made by user 54321 in a directory that everybody can write to/,
    }
    t.throws(() => assertTrustedPlace(`${root}/${way}`), refusal, way)
    await t.rejects(ManagedDirectory.open(`${root}/${way}`), refusal, way)
    t.throws(() => prepareStateDirectory(`${root}/${way}/state`), { code: 'ERR_DYAD_OPTION' }, way)
  }
  t.strictSame(readdirSync(`${open}/theirs`), ['below'], 'nothing is made there')
  t.strictSame(readdirSync(`${root}/victim`), [])
  chmodSync(open, 0o702)
  t.throws(() => assertTrustedPlace(`${open}/theirs`), { code: 'ERR_DYAD_OPTION' }, 'whatever its group may do there')
})

test('a directory that another user is faster to make is refused', { skip }, async (t) => {
  const { open } = site(t)
  const { mkdirSync: make } = fs
  t.teardown(() => {
    fs.mkdirSync = make
    syncBuiltinESMExports()
  })
  fs.mkdirSync = ((path: string, ...rest: object[]) => {
    make(path)
    chownSync(path, OTHER, OTHER)
    return make(path, ...rest)
  }) as typeof make
  syncBuiltinESMExports()
  await t.rejects(ManagedDirectory.open(`${open}/new`), { code: 'ERR_DYAD_OPTION', message: /made by user 54321/ })
})

test("the system's, this user's, and what others have in places of their own is trusted", { skip }, async (t) => {
  const { root, open } = site(t)
  mkdirSync(`${open}/ours`)
  symlinkSync(`${open}/ours`, `${open}/our-link`)
  mkdirSync(`${root}/home/project`, { recursive: true })
  symlinkSync('project', `${root}/home/link`)
  mkdirSync(`${root}/team/theirs`, { recursive: true })
  chmodSync(`${root}/team`, 0o775)
  for (const path of ['home', 'home/project', 'team/theirs']) chownSync(`${root}/${path}`, OTHER, OTHER)
  lchownSync(`${root}/home/link`, OTHER, OTHER)
  for (const way of [
    'open',
    'open/ours',
    'open/our-link',
    'open/ours/new/one',
    'open/../home/project',
    'home/link',
    'home/link/new',
    'team/theirs/new',
    'none/at/all',
  ]) {
    t.doesNotThrow(() => assertTrustedPlace(`${root}/${way}`), way)
    t.ok(await ManagedDirectory.open(`${root}/${way}`), way)
  }
  chownSync(open, OTHER, OTHER)
  mkdirSync(`${open}/of-its-owner`)
  chownSync(`${open}/of-its-owner`, OTHER, OTHER)
  t.doesNotThrow(
    () => assertTrustedPlace(`${open}/of-its-owner`),
    'whoever has the place can exchange everything in it anyway',
  )
  t.doesNotThrow(() => assertTrustedPlace('/'))
  symlinkSync('loop', `${root}/loop`)
  await t.rejects(ManagedDirectory.open(`${root}/loop`), { code: 'ERR_DYAD_SYSTEM' })
})
