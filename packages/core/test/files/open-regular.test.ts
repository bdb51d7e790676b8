import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  closeSync,
  fstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { type Test, test } from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { openRegular, openRegularIf } from '../../src/files/open-regular.js'
import type { ManagedFile } from '../../src/managed-directory.js'
import { type PublishContext, publish } from '../../src/producer/publish.js'
import { ManagedSource } from '../../src/transfer/source.js'

const isLinux = process.platform === 'linux'

/** A file, a pipe to swap it for, and whoever waits for that pipe to be opened. */
class Site {
  readonly root = mkdtempSync(`${tmpdir()}/dyad-regular-`)
  readonly file = `${this.root}/file`
  readonly pipe = `${this.root}/pipe`
  readonly #waiter: Promise<unknown>
  isPipeOpened = false

  constructor(t: Test) {
    execFileSync('mkfifo', [this.pipe, `${this.root}/aside`])
    // The open of a writer returns once somebody opens the pipe for reading.
    this.#waiter = fs.promises.open(this.pipe, 'w').then((handle) => {
      this.isPipeOpened = true
      return handle.close()
    })
    t.teardown(async () => {
      closeSync(fs.openSync(this.pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK))
      await this.#waiter
      rmSync(this.root, { recursive: true })
    })
    this.restore()
  }

  restore(): void {
    rmSync(this.file, { force: true })
    writeFileSync(this.file, 'regular')
  }

  /** Puts the pipe at the path of the file; it keeps its other name. */
  swap(): void {
    rmSync(`${this.root}/aside`)
    fs.linkSync(this.pipe, `${this.root}/aside`)
    renameSync(`${this.root}/aside`, this.file)
    fs.linkSync(this.pipe, `${this.root}/aside`)
  }
}

const CALLS = ['openSync', 'fstatSync', 'lstatSync', 'statSync', 'readlinkSync', 'realpathSync.native', 'readSync']

/**
 * Runs `work` with `between` called before its system call number `at`; tells how many calls it
 * made.
 */
async function interrupted(at: number, between: () => void, work: () => unknown): Promise<number> {
  let count = 0
  let isWithin = false
  const undo: (() => void)[] = []
  for (const name of CALLS) {
    const [first = '', second] = name.split('.')
    const holder = (second === undefined ? fs : Reflect.get(fs, first)) as object
    const key = second ?? first
    const original = Reflect.get(holder, key)
    const patched = (...args: unknown[]) => {
      if (!isWithin && count++ === at) {
        isWithin = true
        between()
        isWithin = false
      }
      return original(...args)
    }
    Reflect.set(holder, key, Object.assign(patched, original))
    undo.push(() => Reflect.set(holder, key, original))
  }
  syncBuiltinESMExports()
  try {
    await work()
  } catch (error) {
    if (!['ERR_DYAD_PATH', 'ERR_DYAD_REFUSED', 'ERR_DYAD_CHANGED'].includes((error as { code: string }).code))
      throw error
  } finally {
    for (const each of undo) each()
    syncBuiltinESMExports()
  }
  return count
}

test('whatever is swapped in before whichever system call, nothing but a regular file is opened', {
  skip: !isLinux && 'not Linux',
}, async (t) => {
  const site = new Site(t)
  const { root, file } = site
  const source = await ManagedSource.open([root])
  const version = () => {
    const { size, mtimeNs } = statSync(file, { bigint: true })
    return { storage: root, path: 'file', size: Number(size), mtimeNs }
  }
  const namespace = { put: async () => 1 }
  const context = {
    node: 'n',
    directory: { real: root },
    inlineLimit: 100,
    fsync: false,
    namespace: () => namespace,
    key: (path: string) => path,
  } as unknown as PublishContext
  const managed: ManagedFile = { path: 'file', local: file }
  const works: Record<string, () => unknown> = {
    openRegular: () => closeSync(openRegular(file)),
    'openRegular below': () => closeSync(openRegular(file, root)),
    openRegularIf: () => closeSync(openRegularIf(file, () => true) ?? -1),
    'the service': async () => {
      const opened = await source.open(asked)
      try {
        await opened.read(Buffer.alloc(7), 0)
      } finally {
        await opened.close()
      }
    },
    publish: () => publish(managed, context, new AbortController().signal),
  }
  let asked = version()
  for (const [name, work] of Object.entries(works)) {
    asked = version()
    const calls = await interrupted(-1, () => {}, work)
    t.ok(calls >= 3, `${name} makes ${calls} calls`)
    for (let at = 0; at < calls; at++) {
      await interrupted(at, () => site.swap(), work)
      // Whoever waits is told by the thread pool.
      await new Promise((resolve) => setImmediate(resolve))
      t.notOk(site.isPipeOpened, `${name}, before call ${at}`)
      site.restore()
      asked = version()
    }
  }
})

test('openRegular opens regular files alone, and only where they should be', async (t) => {
  const root = t.testdir({ inside: { file: 'x' }, beside: 'y', insider: 'z' })
  symlinkSync('file', `${root}/inside/link`)
  symlinkSync('../beside', `${root}/inside/out`)
  symlinkSync('..', `${root}/inside/up`)
  execFileSync('mkfifo', [`${root}/inside/pipe`])
  for (const path of ['inside/file', 'inside/link']) {
    const fd = openRegular(`${root}/${path}`, `${root}/inside`)
    t.equal(fstatSync(fd).size, 1)
    closeSync(fd)
  }
  for (const path of ['inside', 'inside/pipe']) {
    t.throws(() => openRegular(`${root}/${path}`), { code: 'ERR_DYAD_PATH', detail: 'not a regular file' }, path)
  }
  for (const path of ['inside/out', 'inside/up/beside', 'insider', 'beside']) {
    t.throws(() => openRegular(`${root}/${path}`, `${root}/inside`), { code: 'ERR_DYAD_PATH' }, path)
    closeSync(openRegular(`${root}/${path}`))
  }
  t.throws(() => openRegular(`${root}/none`), { code: 'ENOENT' })
})

test('a file is opened for writing if that is asked for, and not through a link if that is not wanted', async (t) => {
  const root = mkdtempSync(`${tmpdir()}/dyad-regular-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  writeFileSync(`${root}/file`, 'before')
  symlinkSync('file', `${root}/link`)
  const { O_RDWR, O_NOFOLLOW } = fs.constants
  for (const [name, flags] of [
    ['file', O_RDWR | O_NOFOLLOW],
    ['link', O_RDWR],
  ] as const) {
    const fd = openRegular(`${root}/${name}`, undefined, flags)
    fs.writeSync(fd, name, 0)
    closeSync(fd)
    t.match(fs.readFileSync(`${root}/file`, 'utf8'), name)
  }
  const reading = openRegular(`${root}/file`)
  t.throws(() => fs.writeSync(reading, 'x'), { code: 'EBADF' })
  closeSync(reading)
  const refused = isLinux ? { code: 'ERR_DYAD_PATH' } : { code: 'ELOOP' }
  t.throws(() => openRegular(`${root}/link`, undefined, O_RDWR | O_NOFOLLOW), refused)
})

test('an error of the system names the file', { skip: !isLinux && 'not Linux' }, async (t) => {
  const path = `${t.testdir()}/program`
  fs.copyFileSync(process.execPath, path)
  const program = spawn(path, ['-e', 'setInterval(() => {}, 1e6)'])
  await once(program, 'spawn')
  // Also root cannot write to a program that runs.
  const failure = { code: 'ETXTBSY', path, message: `ETXTBSY: text file is busy, open '${path}'` }
  t.throws(() => openRegular(path, undefined, fs.constants.O_RDWR), failure)
  program.kill('SIGKILL')
  await endOf(program)
})
