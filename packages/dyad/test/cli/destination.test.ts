import { execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { endOf, unlessEnded } from '../../../../test/harness/child.js'
import { copyTo } from '../../src/cli/destination.js'
import { Sandbox } from './command.js'

const never = new AbortController().signal

function site(t: Test): { root: string; local: string; content: Buffer } {
  const root = mkdtempSync(`${tmpdir()}/dyad-destination-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  // More than the capacity of a pipe.
  const content = Buffer.alloc(3_000_001, 'content ')
  writeFileSync(`${root}/local`, content)
  return { root, local: `${root}/local`, content }
}

/** Makes a character device. Returns true if it can be made and opened here. */
function makeDevice(path: string, major: number, minor: number): boolean {
  try {
    execFileSync('mknod', [path, 'c', String(major), String(minor)], { stdio: 'ignore' })
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}

test('a device is written into, and stays one', async (t) => {
  const { root, local } = site(t)
  // As /dev/null.
  if (!makeDevice(`${root}/null`, 1, 3)) return t.pass('not tried: devices cannot be made here')
  t.equal(await copyTo(local, `${root}/null`, never), `${root}/null`)
  t.ok(lstatSync(`${root}/null`).isCharacterDevice())
  symlinkSync('null', `${root}/link`)
  await copyTo(local, `${root}/link`, never)
  t.ok(lstatSync(`${root}/null`).isCharacterDevice())
  t.equal(readlinkSync(`${root}/link`), 'null')
  // As /dev/full.
  execFileSync('mknod', [`${root}/full`, 'c', '1', '7'])
  await t.rejects(copyTo(local, `${root}/full`, never), { code: 'ERR_DYAD_STORE', message: /ENOSPC/ })
  t.ok(lstatSync(`${root}/full`).isCharacterDevice())
  t.strictSame(readdirSync(root).sort(), ['full', 'link', 'local', 'null'])
})

test('a pipe is written into as far as it is read', async (t) => {
  const { root, local, content } = site(t)
  const pipe = `${root}/pipe`
  execFileSync('mkfifo', [pipe])
  await t.rejects(copyTo(local, pipe, never), { code: 'ERR_DYAD_STORE', path: pipe, message: /nobody reads the pipe/ })
  const reader = spawn('sh', ['-c', `exec cat <>"$0"`, pipe], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => reader.kill('SIGKILL'))
  // This open returns once the reader has opened it.
  await (await open(pipe, 'w')).close()
  const [got] = await Promise.all([take(reader.stdout, content.length), copyTo(local, pipe, never)])
  t.ok(got.equals(content))
  t.ok(lstatSync(pipe).isFIFO())

  reader.kill('SIGSTOP')
  const abort = new AbortController()
  const stalled = copyTo(local, pipe, abort.signal)
  setImmediate(() => abort.abort(new Error('enough')))
  await t.rejects(stalled, /enough/, 'an abort ends it where nobody reads on')
})

async function take(stream: NodeJS.ReadableStream, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece)
    length += piece.length
    if (length >= bytes) break
  }
  return Buffer.concat(pieces)
}

test('a reader that takes its time gets all of it', async (t) => {
  const { root, local, content } = site(t)
  execFileSync('mkfifo', [`${root}/pipe`])
  const fd = openSync(`${root}/pipe`, constants.O_RDONLY | constants.O_NONBLOCK)
  const copied = copyTo(local, `${root}/pipe`, never)
  // The pipe is full long before so many calls are done.
  for (let calls = 0; calls < 200; calls++) await stat(local)
  const got = await take(new Socket({ fd, readable: true, writable: false }), content.length)
  await copied
  t.ok(got.equals(content))
})

test('what cannot be written into is refused as it is', async (t) => {
  const { root, local } = site(t)
  const server = createServer().listen(`${root}/socket`)
  t.teardown(() => server.close())
  await once(server, 'listening')
  await t.rejects(copyTo(local, `${root}/socket`, never), {
    code: 'ERR_DYAD_STORE',
    message: /it cannot be written to/,
  })
  t.ok(lstatSync(`${root}/socket`).isSocket())
  symlinkSync('loop', `${root}/loop`)
  await t.rejects(copyTo(local, `${root}/loop`, never), { code: 'ERR_DYAD_STORE', message: /from link to link/ })
  await t.rejects(copyTo(local, `${root}/none/x`, never), { code: 'ERR_DYAD_STORE', message: /ENOENT/ })
  t.strictSame(readdirSync(root).sort(), ['local', 'loop', 'socket'])
})

test('links are followed, and a file is replaced whole', async (t) => {
  const { root, local, content } = site(t)
  for (const name of ['old', 'other']) writeFileSync(`${root}/${name}`, 'old')
  symlinkSync('old', `${root}/link`)
  symlinkSync(`${root}/link`, `${root}/to-link`)
  t.equal(await copyTo(local, `${root}/to-link`, never), `${root}/to-link`)
  t.ok(readFileSync(`${root}/old`).equals(content))
  t.equal(readlinkSync(`${root}/link`), 'old')
  t.equal(readlinkSync(`${root}/to-link`), `${root}/link`)
  symlinkSync('made', `${root}/dangling`)
  await copyTo(local, `${root}/dangling`, never)
  t.ok(readFileSync(`${root}/made`).equals(content))
  t.equal(readlinkSync(`${root}/dangling`), 'made')
  linkSync(`${root}/other`, `${root}/hard`)
  await copyTo(local, `${root}/hard`, never)
  t.ok(readFileSync(`${root}/hard`).equals(content))
  t.equal(readFileSync(`${root}/other`, 'utf8'), 'old', 'another hard link keeps what it had')
  const long = 'x'.repeat(255)
  await copyTo(local, `${root}/${long}`, never)
  t.ok(readFileSync(`${root}/${long}`).equals(content))
  t.strictSame(
    readdirSync(root).filter((name) => name.startsWith('.')),
    [],
  )
})

test('what a copy leaves that was killed, the next one removes; what one writes still, it leaves', async (t) => {
  const { root, local, content } = site(t)
  mkdirSync(`${root}/to`)
  const script = fileURLToPath(new URL('copying-process.ts', import.meta.url))
  const watcher = watch(`${root}/to`)
  t.teardown(() => watcher.close())
  const begun = once(watcher, 'change')
  const copying = fork(script, [local, `${root}/to/first`], { execArgv: ['--import=tsx'] })
  t.teardown(() => copying.kill('SIGKILL'))
  const temporary = () => readdirSync(`${root}/to`).filter((name) => name.startsWith('.dyad-'))
  await unlessEnded(copying, begun)
  watcher.close()
  t.equal(temporary().length, 1)
  await copyTo(local, `${root}/to/second`, never)
  t.equal(temporary().length, 1, 'it stands still, and may go on')
  copying.kill('SIGKILL')
  await endOf(copying)
  await copyTo(local, `${root}/to/third`, never)
  t.strictSame(readdirSync(`${root}/to`).sort(), ['second', 'third'])
  t.same(readFileSync(`${root}/to/third`), content)
})

test('a copy that fails says why, closes nothing of others, and leaves nothing', async (t) => {
  const { root, local } = site(t)
  const control = new AbortController()
  const copying = copyTo(local, `${root}/x`, control.signal)
  control.abort(new RangeError('enough'))
  await t.rejects(copying, { message: 'enough' })
  mkdirSync(`${root}/directory`)
  await t.rejects(copyTo(`${root}/directory`, `${root}/x`, never), { code: 'ERR_DYAD_STORE', message: /EISDIR/ })
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    const path = `/proc/self/fd/${fd}`
    // The descriptor that listed them is closed by now.
    return lstatSync(path, { throwIfNoEntry: false }) ? [readlinkSync(path)] : []
  })
  t.notOk(
    open.some((path) => path.includes('.dyad-')),
    'its descriptor is closed',
  )
  t.strictSame(readdirSync(root).sort(), ['directory', 'local'])
})

test('a directory that is missing is not made', async (t) => {
  const { root, local } = site(t)
  await t.rejects(copyTo(local, `${root}/none/x`, never), { code: 'ERR_DYAD_STORE', message: /ENOENT/ })
  t.strictSame(readdirSync(root), ['local'])
})

test('the command writes into a device', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const device = sandbox.at('null')
  if (!makeDevice(device, 1, 3)) return t.pass('not tried: devices cannot be made here')
  t.equal((await sandbox.run(['put', '-', 'note'], sandbox.on('n1'), 'hello')).code, 0)
  const got = await sandbox.run(['get', 'note', device], sandbox.on('n2'))
  t.same(got, { code: 0, stdout: `${device}\n`, stderr: '' })
  t.ok(lstatSync(device).isCharacterDevice())
})

test("a destination that ends as a directory's name does is no file", async (t) => {
  const { root, local, content } = site(t)
  writeFileSync(`${root}/file`, 'kept')
  for (const place of ['file/', 'missing/']) {
    const code = 'ERR_DYAD_STORE'
    await t.rejects(copyTo(local, `${root}/${place}`, never), { code, message: /is no directory/ }, place)
  }
  t.equal(readFileSync(`${root}/file`, 'utf8'), 'kept')
  t.strictSame(readdirSync(root).sort(), ['file', 'local'])
  t.equal(await copyTo(local, `${root}/`, never), `${root}/local`, 'a directory is one')
  t.ok(readFileSync(`${root}/local`).equals(content))
})

test('what comes through a named pipe is published, and a signal ends the wait for its writer', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  execFileSync('mkfifo', [sandbox.at('pipe')])
  const env = sandbox.on('n1')
  const writing = spawn('sh', ['-c', 'echo through > "$0"', sandbox.at('pipe')])
  t.same(await sandbox.run(['put', 'pipe', '--as', 'x'], env), { code: 0, stdout: 'x\n', stderr: '' })
  t.equal(readFileSync(sandbox.at('n1/x'), 'utf8'), 'through\n')
  await endOf(writing)
  const refused = await sandbox.run(['put', 'pipe', '--as', '../y'], env)
  t.match(refused, { code: 2, stderr: /ERR_DYAD_UNTRACKED/ }, 'without waiting for a writer')
  const waiting = sandbox.spawn(['put', 'pipe', '--as', 'y'], env)
  // The temporary file is there once it waits for the first bytes.
  const watcher = watch(sandbox.at('n1'))
  t.teardown(() => watcher.close())
  while (!readdirSync(sandbox.at('n1')).some((name) => name.startsWith('.dyad-'))) {
    await unlessEnded(waiting.child, once(watcher, 'change'))
  }
  watcher.close()
  waiting.child.kill('SIGTERM')
  t.equal((await waiting.ended).code, 143)
  t.strictSame(readdirSync(sandbox.at('n1')), ['x'])
})
