import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { visible } from '@dyad-ts/core/internal'
import t from 'tap'
import { COMMAND, Sandbox } from './command.js'

/** Makes files below a folder, with their names as contents. */
function makeFiles(sandbox: Sandbox, ...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(sandbox.at(name)), { recursive: true })
    writeFileSync(sandbox.at(name), name)
  }
}

const sorted = (lines: string) => lines.trimEnd().split('\n').sort()

t.test('put takes any number of files, and leaves alone what it has published already', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const n1 = sandbox.on('n1')
  makeFiles(sandbox, 'a', 'b', 'x/c')
  const first = await sandbox.run(['put', 'a', 'b', 'x/c'], n1)
  t.same(
    { ...first, stdout: sorted(first.stdout) },
    {
      code: 0,
      stdout: ['a', 'b', 'c'],
      stderr: 'dyad: published 3 files (5 B)\n',
    },
  )
  t.equal(readFileSync(sandbox.at('n1/c'), 'utf8'), 'x/c')

  const generations = async () => JSON.parse((await sandbox.run(['ls', '--json'])).stdout)
  const before = await generations()
  // A copy that was touched has the same content.
  utimesSync(sandbox.at('a'), 1, 1)
  const again = await sandbox.run(['put', 'a', 'b', 'x/c'], n1)
  t.same(
    { ...again, stdout: sorted(again.stdout) },
    {
      code: 0,
      stdout: ['a', 'b', 'c'],
      stderr: 'dyad: published no files, 3 files were there already\n',
    },
  )
  t.same(await generations(), before, 'nothing is published anew')

  // One has other content of the same size; of another the published copy has changed.
  writeFileSync(sandbox.at('b'), 'B')
  writeFileSync(sandbox.at('n1/c'), 'X/C')
  const changed = await sandbox.run(['put', 'a', 'b', 'x/c', '--json'], n1)
  const { files } = JSON.parse(changed.stdout) as { files: { path: string; status: string }[] }
  t.same(
    files.map(({ path, status }) => `${path} ${status}`).sort(),
    ['a present', 'b published', 'c published'],
    'a digest tells, not a size',
  )
  t.equal(changed.stderr, 'dyad: published 2 files (4 B), 1 file was there already\n')
  t.equal((await sandbox.run(['get', 'b', '-'], sandbox.on('n2'))).stdout, 'B')

  // Another node is not this one, whatever it has published.
  makeFiles(sandbox, 'n2/a')
  writeFileSync(sandbox.at('n2/a'), 'a')
  const other = await sandbox.run(['put', 'a', '--to', '.', '--json'], sandbox.on('n2'))
  t.match(JSON.parse(other.stdout), { files: [{ path: 'a', owner: 'n2', status: 'published' }] })
})

t.test('put --recursive names files as cp -r does, and says what it leaves out', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const n1 = sandbox.on('n1')
  makeFiles(sandbox, 'run/1', 'run/deep/2', 'run/deep/-', 'outside')
  mkdirSync(sandbox.at('run/empty'))
  symlinkSync('../outside', sandbox.at('run/link'))
  symlinkSync('.', sandbox.at('run/loop'))
  execFileSync('mkfifo', [sandbox.at('run/pipe')])
  const put = await sandbox.run(['put', '-r', 'run', '--to', 'all/day'], n1)
  t.equal(put.code, 0)
  t.same(sorted(put.stdout), ['all/day/run/1', 'all/day/run/deep/-', 'all/day/run/deep/2'])
  t.same(put.stderr.split('\n'), [
    'dyad: left out run/link: it is a symbolic link',
    'dyad: left out run/loop: it is a symbolic link',
    'dyad: left out run/pipe: it is no regular file',
    'dyad: published 3 files (25 B), 3 left out',
    '',
  ])
  const bare = await sandbox.run(['put', '-r', 'run/deep/.', '--to', 'bare'], n1)
  t.same(sorted(bare.stdout), ['bare/-', 'bare/2'], 'the contents of a folder')

  // The producer-managed directory is below the folder, or is the folder.
  mkdirSync(sandbox.at('top/prod'), { recursive: true })
  makeFiles(sandbox, 'top/a', 'top/prod/b')
  const env = { ...n1, DYAD_PATH_PRODUCER: sandbox.at('top/prod') }
  const top = await sandbox.run(['put', '-r', 'top'], env)
  t.match(top, { code: 0, stdout: 'top/a\n', stderr: /left out top\/prod: it is the producer-managed directory/ })
  const inside = await sandbox.run(['put', '-r', 'top/prod'], env)
  t.match(inside, { code: 0, stderr: /published 1 file \(10 B\), 1 file was there already\n/ })
  t.same(sorted(inside.stdout), ['b', 'top/a'], 'files of the directory are published where they are')
  const empty = await sandbox.run(['put', '-r', 'run/empty'], n1)
  t.same(empty, { code: 0, stdout: '', stderr: 'dyad: published no files\n' })
})

t.test('the failure of one file is said with its path, and the others go on', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const n1 = sandbox.on('n1')
  makeFiles(sandbox, 'a', 'x/a', 'folder/1', 'z')
  makeFiles(sandbox, 'odd/a\nforged\u001b[2J', `odd/.dyad-x`)
  // Not UTF-8.
  writeFileSync(Buffer.concat([Buffer.from(sandbox.at('odd/')), Buffer.from([0xff])]), '')
  const server = createServer().listen(sandbox.at('socket'))
  t.teardown(() => server.close())
  mkdirSync(sandbox.at('n1/z'))
  const words = ['a', 'missing', 'x/a', 'folder', 'socket', 'z', 'a']
  const { code, stdout, stderr } = await sandbox.run(['put', ...words], n1)
  t.same({ code, stdout }, { code: 1, stdout: 'a\n' })
  t.match(stderr, /^dyad: .*ENOENT.*missing/m)
  t.match(stderr, /^dyad: x\/a would replace a: both have the managed path a$/m)
  t.match(stderr, /^dyad: folder is a folder: give --recursive/m)
  t.match(stderr, /^dyad: socket is neither a file nor a folder$/m)
  t.match(stderr, /^dyad: .*'z'.*EISDIR/m, 'it cannot replace a folder')
  t.match(stderr, /^dyad: published 1 file \(1 B\), 5 failures\n$/m)

  const odd = await sandbox.run(['put', '-r', 'odd', '--json'], n1)
  t.not(odd.code, 0)
  const { files, failures } = JSON.parse(odd.stdout)
  t.match(files, [{ path: 'odd/a\nforged\u001b[2J', source: 'odd/a\nforged\u001b[2J', status: 'published' }])
  t.match(
    failures.sort((a: { code: string | null }) => (a.code === null ? 1 : -1)),
    [
      { file: 'odd/.dyad-x', code: 'ERR_DYAD_PATH', message: /for temporary files/ },
      { file: 'odd/\ufffd', code: null, message: /not UTF-8/ },
    ],
  )
  t.match(odd.stderr, /published 1 file \(\d+ B\), 2 failures\n$/)
  t.equal(visible(odd.stderr.trimEnd().replaceAll('\n', '')), odd.stderr.trimEnd().replaceAll('\n', ''))
  t.notMatch(odd.stderr, /^forged/m)

  const away = await sandbox.run(['put', 'a', 'z', '--to', 'b', '--kvs', 'ws://127.0.0.1:1', '--kvs-timeout', '50'], n1)
  t.notMatch(away.stderr, /published/, 'nothing is begun without a store')
  t.match(away.stderr, /ERR_DYAD_KVS_UNREACHABLE/)
})

t.test('output that cannot be written ends put of many files with one failure', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  makeFiles(sandbox, 'a', 'b', 'c')
  for (const flags of ['', '--json']) {
    const script = `"$0" "$@" put a b c ${flags} > /dev/full`
    const { code, stderr } = await sandbox.spawn([], sandbox.on('n1'), ['sh', '-c', script, process.execPath, COMMAND])
      .ended
    t.not(code, 0)
    t.match(stderr, /^dyad: published .* files?.*\ndyad: the output cannot be written: ENOSPC[^\n]*\n$/, flags)
  }
})

t.test('put of many names wants words that fit', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  makeFiles(sandbox, 'a', 'b', 'folder/1')
  for (const [args, said] of [
    [['a', 'b', '--as', 'x', '--to', 'y'], /--as names one file alone/],
    [['a', 'x', '--as', 'y'], /two managed paths/],
    [['a', '-', 'b'], /standard input is put alone/],
    [['-', '--to', 'x'], /standard input is put alone/],
    [['a', 'folder'], /folder is a folder here: give --to folder/],
  ] as const) {
    const { code, stdout, stderr } = await sandbox.run(['put', ...args], sandbox.on('n1'))
    t.same({ code, stdout }, { code: 2, stdout: '' }, args.join(' '))
    t.match(stderr, said)
  }
  t.same(readdirSync(sandbox.at('n1')), [])
})

t.test('a file that changes while it is copied is not published', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  makeFiles(sandbox, 'growing', 'still')
  truncateSync(sandbox.at('growing'), 64 * 1024 * 1024)
  // The file changes just before the third read.
  const script = `
    import { utimesSync } from 'node:fs'
    import { open } from 'node:fs/promises'
    const handle = await open('/dev/null')
    const prototype = Object.getPrototypeOf(handle)
    await handle.close()
    const { read } = prototype
    let reads = 0
    prototype.read = function (...args) {
      if (++reads === 3) utimesSync(process.env.FILE, 1, 1)
      return read.apply(this, args)
    }`
  const env = {
    ...sandbox.on('n1'),
    FILE: sandbox.at('growing'),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
  }
  const { code, stdout, stderr } = await sandbox.run(['put', 'growing', 'still', '--to', 'x'], env)
  t.not(code, 0)
  t.equal(stdout, 'x/still\n')
  t.match(stderr, /^dyad: ERR_DYAD_CHANGED: .*growing.*changed while it was copied/m)
  t.same(readdirSync(sandbox.at('n1/x')), ['still'])
})
