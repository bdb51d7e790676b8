import { execFileSync, spawn } from 'node:child_process'
import fs, {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { type Test, test } from 'tap'
import { endOf, outputFrom } from '../../../../test/harness/child.js'
import { IncomingFile } from '../../src/consumer/incoming-file.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { FileRecord } from '../../src/kvs/record.js'

const record = { path: 'x', owner: 'A', size: 7, mode: 0o644, generation: 5 } as FileRecord

function site(t: Test): { root: string; managed: string; out: string } {
  const root = mkdtempSync(`${realpathSync(tmpdir())}/dyad-storing-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const name of ['managed', 'out']) mkdirSync(`${root}/${name}`)
  return { root, managed: `${root}/managed`, out: `${root}/out` }
}

/** Stores a file, over what may stand there. */
async function store(managed: string, target: string, parents = new StoringParents(managed)): Promise<void> {
  const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents }
  await using incoming = IncomingFile.beside(target, place, record, () => {})
  incoming.fill(Buffer.from('content'))
  await incoming.putInPlace({ permitted: async () => {}, isPermitted: true })
}

test('what a link leads out of the directory is not stored, nor is anything made there', async (t) => {
  const { root, managed, out } = site(t)
  mkdirSync(`${managed}/inside`)
  writeFileSync(`${out}/x`, 'theirs')
  symlinkSync(out, `${managed}/link`)
  symlinkSync('../out', `${managed}/relative`)
  symlinkSync('..', `${managed}/inside/up`)
  symlinkSync('/', `${managed}/top`)
  symlinkSync(`${root}/none`, `${managed}/dangling`)
  mkdirSync(`${root}/managed-beside`)
  symlinkSync('../managed-beside', `${managed}/beside`)
  for (const way of [
    'link/x',
    'link/new/x',
    'relative/x',
    'inside/up/../out/x',
    'inside/up/link/x',
    `top${out}/x`,
    'dangling/x',
    'beside/x',
  ]) {
    await t.rejects(store(managed, `${managed}/${way}`), { code: 'ERR_DYAD_STORE' }, way)
  }
  t.equal(readFileSync(`${out}/x`, 'utf8'), 'theirs')
  t.strictSame(
    execFileSync('find', [root, '-mindepth', '1', '-printf', '%P\n'], { encoding: 'utf8' }).trim().split('\n').sort(),
    [
      'managed',
      'managed-beside',
      'managed/beside',
      'managed/dangling',
      'managed/inside',
      'managed/inside/up',
      'managed/link',
      'managed/relative',
      'managed/top',
      'out',
      'out/x',
    ],
  )
})

test('links that stay in the directory are followed, and a link in the place of the file is replaced', async (t) => {
  const { managed, out } = site(t)
  mkdirSync(`${managed}/a/b`, { recursive: true })
  symlinkSync('a', `${managed}/link`)
  symlinkSync(`${managed}/a/b`, `${managed}/absolute`)
  writeFileSync(`${out}/x`, 'theirs')
  symlinkSync(`${out}/x`, `${managed}/x`)
  for (const way of ['x', 'link/x', 'absolute/x', 'link/new/deep/x', 'n1/n2/x'])
    await store(managed, `${managed}/${way}`)
  for (const file of ['x', 'a/x', 'a/b/x', 'a/new/deep/x', 'n1/n2/x']) {
    t.equal(readFileSync(`${managed}/${file}`, 'utf8'), 'content', file)
  }
  t.equal(readFileSync(`${out}/x`, 'utf8'), 'theirs')
  rmSync(managed, { recursive: true })
  await store(managed, `${managed}/again/x`)
  t.equal(readFileSync(`${managed}/again/x`, 'utf8'), 'content', 'the directory is made anew')
})

test('a directory that was proved is proved anew once another stands in its place', async (t) => {
  const { managed, out } = site(t)
  const parents = new StoringParents(managed)
  await store(managed, `${managed}/sub/x`, parents)
  rmSync(`${managed}/sub`, { recursive: true })
  symlinkSync(out, `${managed}/sub`)
  await t.rejects(store(managed, `${managed}/sub/x`, parents), { code: 'ERR_DYAD_STORE' })
  t.strictSame(readdirSync(out), [])
  rmSync(`${managed}/sub`)
  await store(managed, `${managed}/sub/x`, parents)
  t.equal(readFileSync(`${managed}/sub/x`, 'utf8'), 'content')
})

test('a directory is our own while only this user and root could put anything there', async (t) => {
  const { managed } = site(t)
  const parents = new StoringParents(managed)
  t.notOk(parents.isOwn(managed), 'not entered yet')
  const isOwn = () => {
    parents.enter(managed)[Symbol.dispose]()
    return parents.isOwn(managed)
  }
  for (const mode of [0o755, 0o775, 0o700, 0o757, 0o1777]) {
    chmodSync(managed, mode)
    t.equal(isOwn(), (mode & 0o022) === 0, `mode ${mode.toString(8)}`)
  }
  if (process.getuid?.() !== 0) return
  chmodSync(managed, 0o755)
  chownSync(managed, 65_534, 65_534)
  t.notOk(isOwn(), 'of another user')
})

test('a directory that is not below the managed one is not entered, nor made', async (t) => {
  const { root, managed, out } = site(t)
  const parents = new StoringParents(managed)
  for (const directory of [root, out, `${out}/new`, `${managed}-beside`, '/']) {
    t.throws(() => parents.enter(directory), { code: 'ERR_DYAD_STORE' }, directory)
  }
  t.strictSame(readdirSync(root).sort(), ['managed', 'out'])
  t.strictSame(readdirSync(out), [])
})

const CALLS = [
  'openSync',
  'readlinkSync',
  'mkdirSync',
  'linkSync',
  'renameSync',
  'unlinkSync',
  'lstatSync',
  'statSync',
  'fstatSync',
]

/**
 * Runs `work` with `between` called before its system call number `at`, and `after` after each;
 * tells how many it made.
 */
async function interrupted(
  at: number,
  between: () => void,
  after: () => void,
  work: () => Promise<void>,
): Promise<number> {
  let count = 0
  let isWithin = false
  const originals = CALLS.map((name) => [name, Reflect.get(fs, name)] as const)
  for (const [name, original] of originals) {
    Reflect.set(fs, name, (...args: unknown[]) => {
      if (isWithin) return original(...args)
      const aside = (what: () => void) => {
        isWithin = true
        what()
        isWithin = false
      }
      if (count++ === at) aside(between)
      try {
        return original(...args)
      } finally {
        aside(after)
      }
    })
  }
  syncBuiltinESMExports()
  try {
    await work()
  } catch (error) {
    if ((error as { code: string }).code !== 'ERR_DYAD_STORE') throw error
  } finally {
    for (const [name, original] of originals) Reflect.set(fs, name, original)
    syncBuiltinESMExports()
  }
  return count
}

const skip = process.platform !== 'linux' && 'descriptors have no paths'

/** What others have outside of the managed directory: `new` is missing there if `isBare`. */
function theirs(out: string, isBare: boolean): string[] {
  const names = isBare ? ['x'] : ['new/x', 'x']
  if (!isBare) mkdirSync(`${out}/new`)
  for (const name of names) writeFileSync(`${out}/${name}`, 'theirs')
  return isBare ? ['x'] : ['new', 'new/x', 'x']
}

test('a directory that others exchange for a link, before whichever system call, leads nothing out', {
  skip,
}, async (t) => {
  for (const way of ['shared/sub/x', 'shared/sub/new/x']) {
    for (const [stands, isBare] of [
      [false, false],
      [true, false],
      [false, true],
    ]) {
      let calls = 1
      for (let at = -1; at < calls; at++) {
        const { managed, out } = site(t)
        mkdirSync(`${managed}/shared/sub/new`, { recursive: true })
        if (!stands && way.includes('new')) rmSync(`${managed}/shared/sub/new`, { recursive: true })
        else if (stands) writeFileSync(`${managed}/${way}`, 'before')
        const before = theirs(out, isBare === true)
        chmodSync(`${managed}/shared`, 0o777)
        const swap = () => {
          renameSync(`${managed}/shared/sub`, `${managed}/shared/aside`)
          symlinkSync(out, `${managed}/shared/sub`)
        }
        const seen = new Set<string>()
        const look = () => {
          for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) seen.add(name)
        }
        const count = await interrupted(at, swap, look, () => store(managed, `${managed}/${way}`))
        if (at === -1) {
          calls = count
          t.equal(readFileSync(`${managed}/${way}`, 'utf8'), 'content')
        }
        const isUntouched =
          [...seen].sort().join() === before.join() &&
          before.every((name) => name === 'new' || readFileSync(`${out}/${name}`, 'utf8') === 'theirs')
        const how = stands ? 'over a file' : isBare ? 'anew, and not there' : 'anew'
        t.ok(isUntouched, `${way}, ${how}, before call ${at} of ${calls}: ${[...seen]}`)
        if (at >= 0) {
          const left = readdirSync(managed, { recursive: true, encoding: 'utf8' }).filter((name) =>
            /\.dyad-/.test(name),
          )
          t.strictSame(left, [], 'no temporary file is left')
        }
      }
      t.ok(calls > 5)
    }
  }
})

/** Exchanges a directory for a link as fast as it can. */
const SWAPPER = `
const { renameSync } = require('node:fs')
const [shared] = process.argv.slice(1)
process.stdout.write('.')
for (;;) {
  renameSync(shared + '/sub', shared + '/aside')
  renameSync(shared + '/link', shared + '/sub')
  renameSync(shared + '/sub', shared + '/link')
  renameSync(shared + '/aside', shared + '/sub')
}`

test('a process that exchanges a directory for a link all the time leads nothing out', { skip }, async (t) => {
  const { managed, out } = site(t)
  mkdirSync(`${managed}/shared/sub/new`, { recursive: true })
  symlinkSync(out, `${managed}/shared/link`)
  const before = theirs(out, true)
  chmodSync(`${managed}/shared`, 0o777)
  const { mtimeNs } = statSync(out, { bigint: true })
  const swapper = spawn(process.execPath, ['-e', SWAPPER, `${managed}/shared`], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.teardown(() => swapper.kill('SIGKILL'))
  await outputFrom(swapper)
  let stored = 0
  for (let i = 0; i < 2_000; i++) {
    const name = ['x', 'new/x', `new${i}/x`][i % 3]
    const isStored = store(managed, `${managed}/shared/sub/${name}`).then(
      () => true,
      (error) => {
        if (error.code !== 'ERR_DYAD_STORE') throw error
        return false
      },
    )
    if (await isStored) stored++
  }
  swapper.kill('SIGKILL')
  await endOf(swapper)
  t.ok(stored > 0, `${stored} of 2000 were stored`)
  t.equal(statSync(out, { bigint: true }).mtimeNs, mtimeNs, 'nothing was made there, nor removed')
  t.strictSame(readdirSync(out, { recursive: true, encoding: 'utf8' }), before)
  t.equal(readFileSync(`${out}/x`, 'utf8'), 'theirs')
})
