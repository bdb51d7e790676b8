import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Test, test } from 'tap'
import { endOf, messageFrom, outcomeOf, outputFrom } from '../../../../test/harness/child.js'
import { startLimited } from '../../../../test/harness/limited-process.js'
import { Temporaries } from '../../src/files/temporaries.js'

const program = fileURLToPath(new URL('temporaries-process.ts', import.meta.url))
const PLAIN = { execArgv: ['--import=tsx'], env: { ...process.env, NODE_OPTIONS: '' } }
const isRoot = process.getuid?.() === 0
const skip = !isRoot && 'only root can be another user, or mount'

/** A process that writes a temporary file beside `target`. */
async function writer(t: Test, target: string): Promise<ChildProcess> {
  const child = fork(program, [target], PLAIN)
  t.teardown(() => child.kill('SIGKILL'))
  await messageFrom(child)
  return child
}

/**
 * Runs the same program through a command that starts the command given to it, until it has said
 * that it is done.
 */
async function through(t: Test, command: string[], ...args: string[]): Promise<ChildProcess> {
  // What the test runner loads into a process writes to the runner's own folder.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', ...command, process.execPath, '--import=tsx', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: PLAIN.env,
  })
  t.teardown(() => child.kill('SIGKILL'))
  await outputFrom(child)
  return child
}

async function sweep(target: string): Promise<void> {
  const temporaries = new Temporaries()
  const { path, fd } = temporaries.create(target, 0o600)
  await temporaries.settled()
  temporaries.remove(path)
  closeSync(fd)
}

/** A folder that others than this user can reach. */
function openFolder(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'dyad-temporaries-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  chmodSync(root, 0o777)
  return root
}

test('names are beside the target, short, and never the same', async (t) => {
  const root = t.testdir()
  const one = new Temporaries()
  const two = new Temporaries()
  const target = `${root}/new/${'x'.repeat(255)}`
  const made = [one, one, two].map((temporaries) => temporaries.create(target, 0o600))
  t.equal(new Set(made.map(({ path }) => path)).size, 3)
  for (const { path, fd } of made) {
    t.equal(dirname(path), `${root}/new`)
    t.equal(statSync(path).mode & 0o777, 0o600)
    closeSync(fd)
  }
  await Promise.all([one.settled(), two.settled()])
})

test('what a killed process left is removed, what a living one writes is not, nor anything else', async (t) => {
  const root = t.testdir({ '.dyad-other': '', '.dyad-': '', 'file.bin': '' })
  const child = await writer(t, `${root}/x`)
  t.equal(readdirSync(root).length, 4)
  await sweep(`${root}/y`)
  t.equal(readdirSync(root).length, 4, 'the child lives')
  child.kill('SIGKILL')
  await endOf(child)
  await sweep(`${root}/z`)
  t.same(readdirSync(root).sort(), ['.dyad-', '.dyad-other', 'file.bin'], 'the child is dead')
})

test('what a thread left that was terminated is removed', async (t) => {
  const root = t.testdir()
  const url = new URL('temporaries-process.ts', import.meta.url)
  const source = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${JSON.stringify(url)})))`
  const thread = new Worker(source, { eval: true, workerData: [`${root}/x`], execArgv: [] })
  await once(thread, 'message')
  await sweep(`${root}/y`)
  t.equal(readdirSync(root).length, 1, 'it writes')
  await thread.terminate()
  await sweep(`${root}/y`)
  t.same(readdirSync(root), [])
})

test('a session that goes on sweeps again as it stores', async (t) => {
  const root = t.testdir()
  const long = new Temporaries()
  const store = () => {
    const { path, fd } = long.create(`${root}/x`, 0o600)
    closeSync(fd)
    unlinkSync(path)
  }
  store()
  await long.settled()
  const child = await writer(t, `${root}/y`)
  child.kill('SIGKILL')
  await endOf(child)
  t.equal(readdirSync(root).length, 1)
  for (let i = 0; i < 1_000; i++) store()
  await long.settled()
  t.same(readdirSync(root), [])
})

test('a sweep for which no descriptor is free is made up for', async (t) => {
  const target = `${t.testdir()}/x`
  const killed = await writer(t, target)
  killed.kill('SIGKILL')
  await endOf(killed)
  const module = (name: string) => JSON.stringify(new URL(`../../src/files/${name}.ts`, import.meta.url).href)
  const program = `
    import { closeSync, openSync } from 'node:fs'
    import { hasFileLocks } from ${module('file-lock')}
    import { Temporaries } from ${module('temporaries')}
    hasFileLocks()
    const taken = []
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {}
    const temporaries = new Temporaries()
    const make = async (free) => {
      for (const fd of taken.splice(0, free)) closeSync(fd)
      const { path, fd } = temporaries.create(${JSON.stringify(target)}, 0o600)
      await temporaries.settled()
      temporaries.remove(path)
      closeSync(fd)
    }
    // One is for the file itself, and the sweep needs more.
    for (let free = 1; free < 6; free++) await make(1)
    await make(taken.length)`
  const { end, stderr } = await outcomeOf(startLimited(t, 64, program))
  t.equal(end, 0, stderr)
  t.strictSame(readdirSync(dirname(target)), [])
})

test('a file that cannot be locked for lack of descriptors is not made', async (t) => {
  const directory = t.testdir()
  const program = `
    import { closeSync, openSync } from 'node:fs'
    import { Temporaries } from ${JSON.stringify(new URL('../../src/files/temporaries.ts', import.meta.url).href)}
    const taken = []
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {}
    closeSync(taken.pop())
    try {
      new Temporaries().create(${JSON.stringify(`${directory}/x`)}, 0o600)
    } catch ({ code }) {
      // The descriptor of the file was given back.
      closeSync(openSync('/dev/null'))
      process.stdout.write(code)
    }`
  const { stdout, stderr } = await outcomeOf(startLimited(t, 64, program))
  t.equal(stdout, 'EMFILE', stderr)
  t.strictSame(readdirSync(directory), [])
})

test('the end of a session does not wait for the whole of a large directory', async (t) => {
  const root = t.testdir()
  // Whichever way the file system orders the names, some dead ones are before the bound, and some
  // beyond it.
  for (let i = 0; i < 12_000; i++) {
    writeFileSync(`${root}/${i}`, '')
    if (i % 4 === 0) writeFileSync(`${root}/.dyad-0123456789-${i.toString(16)}`, '')
  }
  const temporaries = new Temporaries()
  const { path, fd } = temporaries.create(`${root}/x`, 0o600)
  await temporaries.settled()
  temporaries.remove(path)
  closeSync(fd)
  const left = readdirSync(root).filter((name) => name.startsWith('.dyad-')).length
  t.ok(left > 0 && left < 3_000, `${left} left`)
})

test('leftovers of another boot, another host on this disk and an earlier version are removed', async (t) => {
  const root = t.testdir({ '.dyad-0123456789-abcdef0': 'another host', '.dyad-0123456789-42-1234-ab12': 'earlier' })
  const young = join(root, '.dyad-0123456789-43-1234-ab13')
  writeFileSync(young, 'of an earlier version that may still run')
  utimesSync(join(root, '.dyad-0123456789-42-1234-ab12'), 1, 1)
  await sweep(`${root}/x`)
  t.same(readdirSync(root), ['.dyad-0123456789-43-1234-ab13'])
})

// The file system of POSIX message queues is none that is known to be local.
const unknown = 'mount -t mqueue none "$0" && cd "$0" && touch $1 && touch -d @1 $2 && shift 2 && "$@" >&2 && ls -A'
test('where hosts may not see each other’s locks, a sweep takes what carries the name of its own', {
  skip,
}, async (t) => {
  const root = t.testdir({ mount: {}, own: {} })
  const { path, fd } = new Temporaries().create(`${root}/own/x`, 0o600)
  closeSync(fd)
  const own = basename(path).slice(0, '.dyad-0123456789-'.length)
  const [others, earlier] = ['.dyad-0123456789-1', `${own}42-1234-ab12`]
  const sweeping = [process.execPath, '--import=tsx', program, `${root}/mount/y`, 'sweep']
  const args = ['--mount', '--ipc', 'sh', '-c', unknown, `${root}/mount`, `${own}1 ${others}`, earlier, ...sweeping]
  const { stdout, stderr, status } = spawnSync('unshare', args, { encoding: 'utf8', env: PLAIN.env })
  t.equal(status, 0, stderr)
  t.strictSame(stdout.trim().split('\n').sort(), [others, earlier].sort())
})

test('what is not a file is left alone, and not opened', async (t) => {
  const root = t.testdir({ elsewhere: { file: '' } })
  mkdirSync(`${root}/d/.dyad-0123456789-1`, { recursive: true })
  symlinkSync(`${root}/elsewhere/file`, `${root}/d/.dyad-0123456789-2`)
  spawnSync('mkfifo', [`${root}/d/.dyad-0123456789-3`])
  await sweep(`${root}/d/x`)
  t.equal(readdirSync(`${root}/d`).length, 3)
  t.same(readdirSync(`${root}/elsewhere`), ['file'])
})

test('a file that is in its place is no temporary one any more, and may be locked by others', async (t) => {
  const root = t.testdir()
  const { path, fd } = new Temporaries().create(`${root}/x`, 0o600)
  renameSync(path, `${root}/x`)
  closeSync(fd)
  await sweep(`${root}/y`)
  t.same(readdirSync(root), ['x'])
})

const another = ['setpriv', '--reuid=65534', '--clear-groups']
const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -o remount,hidepid=2 /proc && exec "$@"', 'sh', ...another]

test('another user, to whom processes are hidden, takes nobody for dead', { skip }, async (t) => {
  const root = openFolder(t)
  const child = await writer(t, `${root}/x`)
  const [name = ''] = readdirSync(root)
  // Readable for others, so that the lock is what keeps it.
  chmodSync(join(root, name), 0o666)
  for (const command of [another, hidden]) {
    const sweeper = await through(t, command, `${root}/y`, 'sweep')
    await endOf(sweeper)
    t.same(readdirSync(root), [name], 'it lives')
  }
  child.kill('SIGKILL')
  await endOf(child)
  const sweeper = await through(t, hidden, `${root}/y`, 'sweep')
  await endOf(sweeper)
  t.same(readdirSync(root), [], 'it is dead, and the directory belongs to everybody')
})

const container = [
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--uts',
  'sh',
  '-c',
  'hostname other; exec "$@"',
  'sh',
]
test('what a killed container left is removed, what a living one writes is not', { skip }, async (t) => {
  const root = openFolder(t)
  const child = await through(t, container, `${root}/x`)
  const [name = ''] = readdirSync(root)
  await sweep(`${root}/y`)
  t.same(readdirSync(root), [name], 'it lives')
  // Nor does a container take this host's for dead.
  const own = await writer(t, `${root}/own`)
  await endOf(await through(t, container, `${root}/y`, 'sweep'))
  t.equal(readdirSync(root).length, 2)
  for (const process of [child, own]) {
    process.kill('SIGKILL')
    // The processes of the container end with the first of them: once they do, so does what they
    // write to.
    await once(process, 'close')
  }
  // The last descriptors of a process are closed a moment after its output.
  for (let turn = 0; turn < 100 && readdirSync(root).length > 0; turn++) await sweep(`${root}/y`)
  t.same(readdirSync(root), [])
})
