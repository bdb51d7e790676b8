import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { Sandbox, says } from './command.js'

const sorted = (lines: string) => lines.trimEnd().split('\n').sort()

/** A sandbox in which n1 has published files, with their paths as contents. */
async function withFiles(...paths: readonly string[]): Promise<Sandbox> {
  const sandbox = await Sandbox.withNodes()
  for (const path of paths) {
    mkdirSync(`${sandbox.at('source')}/${path}`.replace(/\/[^/]*$/, ''), { recursive: true })
    writeFileSync(`${sandbox.at('source')}/${path}`, path)
  }
  const put = await sandbox.run(['put', '-r', 'source/.'], sandbox.on('n1'))
  if (put.code !== 0) throw new Error(put.stderr)
  return sandbox
}

t.test('get takes any number of files, and leaves alone what is there already', async (t) => {
  await using sandbox = await withFiles('a', 'd/b', 'd/e/c')
  const n2 = sandbox.on('n2')
  const places = ['a', 'd/b', 'd/e/c'].map((path) => sandbox.at(`n2/${path}`))
  const got = await sandbox.run(['get', 'a', 'd/b', 'd/e/c'], n2)
  t.same({ ...got, stdout: sorted(got.stdout) }, { code: 0, stdout: places, stderr: 'dyad: fetched 3 files (9 B)\n' })
  const again = await sandbox.run(['get', 'a', 'd/b', 'd/e/c', 'd/b'], n2)
  t.same(
    { ...again, stdout: sorted(again.stdout) },
    {
      code: 0,
      stdout: places,
      stderr: 'dyad: fetched no files, 3 files were there already\n',
    },
  )

  const to = await sandbox.run(['get', 'a', 'd/b', '--to', 'out/new'], n2)
  t.same(sorted(to.stdout), [sandbox.at('out/new/a'), sandbox.at('out/new/b')], 'a directory is made')
  t.equal(readFileSync(sandbox.at('out/new/b'), 'utf8'), 'd/b')
  writeFileSync(sandbox.at('out/new/a'), 'A')
  const copies = await sandbox.run(['get', 'a', 'd/b', '--to', 'out/new', '--json'], n2)
  t.equal(copies.stderr, 'dyad: fetched 1 file (1 B), 1 file was there already\n')
  t.match(JSON.parse(copies.stdout), {
    files: [
      { path: 'a', owner: 'n1', status: 'fetched', local: sandbox.at('out/new/a') },
      { path: 'd/b', status: 'present', local: sandbox.at('out/new/b') },
    ],
    failures: [],
    leftOut: [],
  })
  t.equal(readFileSync(sandbox.at('out/new/a'), 'utf8'), 'a')
  const own = await sandbox.run(['get', 'a', '--to', 'n2'], n2)
  t.same(own, {
    code: 0,
    stdout: `${sandbox.at('n2/a')}\n`,
    stderr: 'dyad: fetched no files, 1 file was there already\n',
  })
})

t.test('get --recursive and --match name files below --to', async (t) => {
  await using sandbox = await withFiles('a', 'd/b', 'd/e/c', 'd/e/f/g', 'de/x')
  const n2 = sandbox.on('n2')
  const files = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await sandbox.run(['get', ...args, '--to', 'out'], n2)
    t.equal(code, 0, stderr)
    return sorted(stdout).map((place) => place.slice(sandbox.at('out/').length))
  }
  t.same(await files('-r', 'd/e'), ['e/c', 'e/f/g'])
  t.same(await files('-r', 'd/e/.', 'a'), ['a', 'c', 'f/g'])
  t.same(await files('-r', '.'), ['a', 'd/b', 'd/e/c', 'd/e/f/g', 'de/x'])
  t.same(await files('-r', sandbox.at('n2/d/')), ['d/b', 'd/e/c', 'd/e/f/g'], 'a folder by its absolute path')
  t.same(await files('--match', 'd/e/**', '[ab]'), ['a', 'c', 'f/g'])
  t.same(await files('--match', 'd/*'), ['b'])
  const none = await sandbox.run(['get', '--match', 'none*', 'a'], n2)
  t.match(none, {
    stdout: `${sandbox.at('n2/a')}\n`,
    stderr: /ERR_DYAD_NOT_FOUND: .*'none\*'.*\ndyad: fetched no files/,
  })
  t.not(none.code, 0)
})

t.test('the failure of one file is said with its path, and the others go on', async (t) => {
  await using sandbox = await withFiles('a', 'd/a', 'd/b', 'gone')
  const n2 = sandbox.on('n2')
  mkdirSync(sandbox.at('out/b'), { recursive: true })
  const words = ['a', 'd/a', 'd/b', '../x', 'never', '--to', 'out', '--timeout', '50']
  const { code, stdout, stderr } = await sandbox.run(['get', ...words], n2)
  t.same({ code, stdout }, { code: 1, stdout: `${sandbox.at('out/a')}\n` }, 'failures of several kinds end with 1')
  t.match(stderr, /^dyad: d\/a would replace a: both would be copied to out\/a$/m)
  t.match(stderr, /^dyad: ERR_DYAD_STORE: .*d\/b|out\/b.*a directory of that name is there/m)
  t.match(stderr, /^dyad: ERR_DYAD_(PATH|UNTRACKED): .*'\.\.\/x'/m)
  t.match(stderr, /^waiting for never …$/m)
  t.match(stderr, /^dyad: ERR_DYAD_TIMEOUT: .*'never'/m)
  t.match(stderr, /^dyad: fetched 1 file \(1 B\), 4 failures$/m)
  t.same(readdirSync(sandbox.at('out')).sort(), ['a', 'b'])

  for (const [args, said] of [
    [['a', '--to', '-'], /--to names a directory/],
    [['-r', '--match', 'a'], /exclude each other/],
    [['--match', '{a,b}'.repeat(30)], /ERR_DYAD_OPTION/],
  ] as const) {
    const usage = await sandbox.run(['get', ...args], n2)
    t.same({ code: usage.code, stdout: usage.stdout }, { code: 2, stdout: '' }, args.join(' '))
    t.match(usage.stderr, said)
  }
})

t.test('files that are awaited hold up no other, and Ctrl-C says what was done', async (t) => {
  await using sandbox = await withFiles('a', 'b')
  const never = Array.from({ length: 40 }, (_, i) => `never-${i}`)
  const getting = sandbox.spawn(['get', ...never, 'a', 'b', '--to', 'out'], sandbox.on('n2'))
  await says(getting, /a\n.*b\n|b\n.*a\n/, 'stdout')
  getting.child.kill('SIGINT')
  const { code, stdout, stderr } = await getting.ended
  t.equal(code, 130)
  t.same(sorted(stdout), [sandbox.at('out/a'), sandbox.at('out/b')])
  t.match(stderr, /^dyad: fetched 2 files \(2 B\), 40 files not finished$/m)
  t.notMatch(stderr, 'ERR_DYAD')
})
