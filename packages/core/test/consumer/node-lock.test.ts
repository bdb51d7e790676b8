import { fork } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { withNodeLock } from '../../src/consumer/node-lock.js'

const { signal } = new AbortController()
setMaxListeners(0, signal)

test('work of one name runs one after the other, work of others beside it', async (t) => {
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
  }
  await Promise.all(Array.from({ length: 20 }, () => withNodeLock(`${process.pid} same`, signal, work)))
  t.equal(most, 1)
  let met = 0
  let bothThere: () => void = () => {}
  const meeting = new Promise<void>((resolve) => {
    bothThere = resolve
  })
  const meet = async () => {
    if (++met === 2) bothThere()
    await meeting
  }
  await Promise.all([withNodeLock(`${process.pid} a`, signal, meet), withNodeLock(`${process.pid} b`, signal, meet)])
  t.equal(met, 2)
})

test('the lock is given up when the work fails', async (t) => {
  const name = `${process.pid} fails`
  await t.rejects(
    withNodeLock(name, signal, async () => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  )
  t.equal(await withNodeLock(name, signal, async () => 'free'), 'free')
})

test('who waits may leave', async (t) => {
  const name = `${process.pid} leaves`
  const control = new AbortController()
  await withNodeLock(name, signal, async () => {
    const waiting = withNodeLock(name, control.signal, async () => t.fail('must not run'))
    setImmediate(() => control.abort(new Error('left')))
    await t.rejects(waiting, { message: 'left' })
  })
})

test('the kernel gives the lock up with the process that holds it', async (t) => {
  const name = `${process.pid} killed`
  const child = fork(fileURLToPath(new URL('node-lock-process.ts', import.meta.url)), [name], {
    execArgv: ['--import=tsx'],
  })
  await once(child, 'message')
  let entered = false
  const waiting = withNodeLock(name, signal, async () => {
    entered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(entered, false, 'another process holds it')
  child.kill('SIGKILL')
  await waiting
  t.equal(entered, true)
})
