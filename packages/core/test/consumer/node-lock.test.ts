import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import cluster from 'node:cluster'
import { once, setMaxListeners } from 'node:events'
import { chmodSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Test, test } from 'tap'
import { messageFrom } from '../../../../test/harness/child.js'
import { NodeLocks } from '../../src/consumer/node-lock.js'

const { signal } = new AbortController()
setMaxListeners(0, signal)
const wait = { signal, patience: 60_000 }
const program = fileURLToPath(new URL('node-lock-process.ts', import.meta.url))
const PLAIN = { execArgv: ['--import=tsx'], env: { ...process.env, NODE_OPTIONS: '' } }

/** A process that holds a lock. */
async function holder(t: Test, stateDir: string, name: string): Promise<ChildProcess> {
  const child = fork(program, [stateDir, name], PLAIN)
  t.teardown(() => child.kill('SIGKILL'))
  await messageFrom(child)
  return child
}

function ask(child: ChildProcess, word: string): Promise<unknown> {
  child.send(word)
  return messageFrom(child)
}

/** Whether something comes about although the event loop turned many times. */
async function comesAbout(told: Promise<unknown>): Promise<boolean> {
  let came = false
  told.then(
    () => {
      came = true
    },
    () => {},
  )
  for (let turn = 0; turn < 50 && !came; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
  return came
}

test('work of one name runs one after the other, work of others beside it', async (t) => {
  const stateDir = t.testdir()
  using one = await NodeLocks.open(stateDir)
  using two = await NodeLocks.open(stateDir)
  let running = 0
  let most = 0
  const work = async (locks: NodeLocks) => {
    using lock = await locks.take('same', wait)
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    t.ok(lock.isHeld)
    running--
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => work(i % 2 ? one : two)))
  t.equal(most, 1)
  using _a = await one.take('a', wait)
  using _b = await one.take('b', wait)
  using _c = await two.take('c', wait)
  t.pass('three at once')
})

test('who waits may leave', async (t) => {
  using locks = await NodeLocks.open(t.testdir())
  const control = new AbortController()
  using _lock = await locks.take('leaves', wait)
  const waiting = locks.take('leaves', { ...wait, signal: control.signal })
  setImmediate(() => control.abort(new Error('left')))
  await t.rejects(waiting, { message: 'left' })
  await t.rejects(locks.take('leaves', { ...wait, signal: control.signal }), { message: 'left' })
})

test('the kernel gives the lock up with the process that holds it', async (t) => {
  const stateDir = t.testdir()
  using locks = await NodeLocks.open(stateDir)
  const child = await holder(t, stateDir, 'killed')
  const waiting = locks.take('killed', wait)
  t.equal(await comesAbout(waiting), false, 'another process holds it')
  child.kill('SIGKILL')
  using lock = await waiting
  t.ok(lock.isHeld)
  using next = await NodeLocks.open(stateDir)
  using _other = await next.take('other', wait)
  const bells = readdirSync(`${stateDir}/locks`).filter((file) => file.endsWith('.sock'))
  t.equal(bells.length, 2, 'the socket of the dead is gone, those of the living are not')
})

test('a holder that is frozen loses its lock, notices it, and may have it again', async (t) => {
  const stateDir = t.testdir()
  using locks = await NodeLocks.open(stateDir)
  const child = await holder(t, stateDir, 'frozen')
  child.kill('SIGSTOP')
  const told: string[] = []
  const first = await locks.take('frozen', { signal, patience: 100, onStalled: (who) => told.push(who) })
  t.match(told, [new RegExp(`^process ${child.pid} on host .`)])
  child.kill('SIGCONT')
  t.equal(await ask(child, 'is it held?'), 'false')
  t.ok(first.isHeld)
  const regained = ask(child, 'regain')
  t.equal(await comesAbout(regained), false, 'it waits as others do')
  first[Symbol.dispose]()
  t.equal(await regained, 'true')
  t.equal(await ask(child, 'regain'), 'false', 'nobody has taken it since')
  child.kill('SIGSTOP')
  const refuse = (who: string) => {
    throw new Error(`no: ${who}`)
  }
  await t.rejects(locks.take('frozen', { signal, patience: 100, onStalled: refuse }), { message: `${child.pid}` })
  child.kill('SIGCONT')
  t.equal(await ask(child, 'is it held?'), 'true', 'who may not take it away leaves it')
})

test('a holder that gets on keeps its lock, one that does not loses it though it answers', async (t) => {
  const stateDir = t.testdir()
  using locks = await NodeLocks.open(stateDir)
  const child = await holder(t, stateDir, 'slow')
  let stalls = 0
  let moves = 0
  const moving = setInterval(() => {
    if (++moves <= 60) child.send('progress')
  }, 100)
  // Three times as long as it may stand still.
  using _lock = await locks.take('slow', { signal, patience: 2_000, onStalled: () => stalls++ })
  clearInterval(moving)
  t.equal(stalls, 1)
  t.ok(moves > 60, 'as long as it got on it was left alone')
  t.equal(await ask(child, 'is it held?'), 'false')
})

test('a thread that is terminated gives its lock up', async (t) => {
  const stateDir = t.testdir()
  using locks = await NodeLocks.open(stateDir)
  const url = new URL('node-lock-process.ts', import.meta.url)
  const source = `import('tsx/esm/api').then((tsx) => (tsx.register(), import(${JSON.stringify(url)})))`
  const thread = new Worker(source, { eval: true, workerData: [stateDir, 'thread'], execArgv: [] })
  await once(thread, 'message')
  const waiting = locks.take('thread', wait)
  t.equal(await comesAbout(waiting), false)
  await thread.terminate()
  using lock = await waiting
  t.ok(lock.isHeld)
})

test('workers of node:cluster exclude one another', async (t) => {
  const stateDir = t.testdir()
  cluster.setupPrimary({ exec: program, args: [stateDir, 'cluster'], execArgv: ['--import=tsx'] })
  const env = { NODE_OPTIONS: '' }
  const one = cluster.fork(env)
  t.teardown(() => one.process.kill('SIGKILL'))
  await messageFrom(one.process)
  const two = cluster.fork(env)
  t.teardown(() => two.process.kill('SIGKILL'))
  const second = messageFrom(two.process)
  await once(two, 'online')
  using locks = await NodeLocks.open(stateDir)
  const third = locks.take('cluster', wait)
  t.equal(await comesAbout(Promise.race([second, third])), false, 'the first has it')
  const ends = [second, third.then((lock) => lock[Symbol.dispose]())]
  one.send('release')
  await Promise.race(ends)
  two.send('release')
  await Promise.all(ends)
})

test('a directory for state may have a longer path than a socket', async (t) => {
  const stateDir = `${t.testdir()}/${'x'.repeat(120)}`
  using locks = await NodeLocks.open(stateDir)
  const child = await holder(t, stateDir, 'far')
  const waiting = locks.take('far', wait)
  t.equal(await comesAbout(waiting), false)
  t.equal(await ask(child, 'release'), 'released')
  using lock = await waiting
  t.ok(lock.isHeld)
  t.equal(readdirSync(`${stateDir}/locks`).filter((file) => file.endsWith('.sock')).length, 2)
})

const isRoot = process.getuid?.() === 0
test('a stranger can neither take a lock nor stand where one is', {
  skip: !isRoot && 'only root can be another user',
}, async (t) => {
  const stateDir = t.testdir()
  using locks = await NodeLocks.open(stateDir)
  // As the directory for state may be for others: readable.
  chmodSync(stateDir, 0o755)
  const first = await locks.take('wanted', wait)
  first[Symbol.dispose]()
  const files = readdirSync(`${stateDir}/locks`)
  t.ok(files.length >= 3, 'a file of locks, one of bells, and a bell')
  const squat = `
    const fs = require('fs')
    const denied = (work) => { try { work(); return 'done' } catch (error) { return error.code } }
    process.stdout.write(JSON.stringify([
      denied(() => fs.readdirSync('locks')),
      denied(() => fs.writeFileSync('locks/new', '')),
      denied(() => fs.mkdirSync('other')),
      denied(() => fs.renameSync('locks', 'other')),
      ...${JSON.stringify(files)}.map((file) => denied(() => fs.openSync('locks/' + file, 'r'))),
    ]))`
  const stranger = ['-u', 'NODE_OPTIONS', 'setpriv', '--reuid=65534', '--clear-groups', process.execPath, '-e', squat]
  const { stdout, stderr } = spawnSync('env', stranger, { cwd: stateDir, encoding: 'utf8' })
  t.same(JSON.parse(stdout || stderr), Array(4 + files.length).fill('EACCES'))
  using again = await locks.take('wanted', wait)
  t.ok(again.isHeld)
})

test('no lock is taken where others could have made the directory for state', async (t) => {
  const stateDir = t.testdir()
  chmodSync(stateDir, 0o700)
  using locks = await NodeLocks.open(stateDir)
  const take = async () => {
    using lock = await locks.take('x', wait)
    return lock.isHeld
  }
  t.ok(await take())
  chmodSync(stateDir, 0o777)
  await t.rejects(take(), { code: 'ERR_DYAD_OPTION', message: /DYAD_STATE_DIR/ })
  chmodSync(stateDir, 0o700)
  t.ok(await take())
})

test('files of locks that cannot be opened are an error that names them', async (t) => {
  const stateDir = t.testdir({ locks: 'a file' })
  using locks = await NodeLocks.open(stateDir)
  await t.rejects(locks.take('x', wait), { code: 'ERR_DYAD_SYSTEM', path: `${stateDir}/locks` })
})
