/** A failure of DYAD's is a failure of the program's own call. */
import { writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Site } from './support/site.js'
import { ERRNO } from './support/steps.js'

test('without an agent, calls on managed paths fail, or pass with one warning', async (t) => {
  const site = await Site.start(t)
  const [, copy] = site.paths('file')
  writeFileSync(copy, 'here')
  for (const [index, agent] of [
    '/nonexistent/agent.sock',
    `${site.cluster.root}/${'long/'.repeat(40)}agent.sock`,
  ].entries()) {
    const [path] = site.paths(`file${index}`)
    const failing = site.consumer({ DYAD_PATH_PRODUCER: site.cluster.path('a'), DYAD_AGENT: agent })
    for (const call of ['read', 'stat', 'access']) t.equal(await failing.errno(call, copy), ERRNO.ENOTCONN, call)
    t.equal(await failing.errno('open', path), 0, 'a new file needs nobody')
    t.equal(await failing.errno('write', 'text'), 0)
    t.equal(await failing.errno('close'), ERRNO.ENOTCONN)
    t.equal(await failing.errno('open', path), ERRNO.ENOTCONN, 'a change does')
    t.equal(await failing.errno('fopen', `${path}2`, 'w'), 0)
    t.equal(await failing.errno('fclose'), ERRNO.ENOTCONN)
    t.equal(await failing.errno('unlink', `${path}2`), ERRNO.ENOTCONN)
    t.equal(await failing.errno('open', `${path}3`), 0)
    failing.tell('exit', '0')
    t.match(await failing.running.ended, { status: 1, stderr: /^dyad: \S+file\d3 is not published: ENOTCONN\n$/ })

    const more = { DYAD_PATH_PRODUCER: site.cluster.path('a'), DYAD_AGENT: agent, DYAD_AGENT_MISSING: 'pass' }
    const passing = site.consumer(more)
    t.same(await passing.do('read', copy), { errno: 0, text: 'here' })
    t.equal(await passing.errno('read', `${copy}-not`), ERRNO.ENOENT)
    t.equal(await passing.errno('open', path), 0)
    t.equal(await passing.errno('close'), 0)
    t.equal(await passing.errno('unlink', path), 0)
    t.match(await passing.end(), { status: 0, stderr: /^dyad: no agent listens at [^\n]*\n$/ })
  }
})

test('a file that never comes, an unknown namespace, and what the environment says wrong', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('never')
  const late = site.consumer({ DYAD_TIMEOUT: '100', DYAD_STAT: 'wait' })
  for (const call of ['read', 'stat', 'access']) t.equal(await late.errno(call, copy), ERRNO.ETIMEDOUT, call)
  t.match(await late.end(), { stderr: '' })

  const nowhere = { DYAD_KVS_NAMESPACE: 'nowhere', DYAD_SYNC_DEBUG: '1' }
  const lost = site.consumer({ ...nowhere, DYAD_PATH_PRODUCER: site.cluster.path('a') })
  t.not(await lost.errno('read', copy), 0)
  await lost.do('open', path)
  t.not(await lost.errno('close'), 0)
  t.match(await lost.end(), { stderr: /nowhere/ }, 'and says so where it is asked to')

  const wrong = site.consumer({ DYAD_STAT: 'sometimes', DYAD_PATH_PRODUCER: site.cluster.path('a') })
  t.equal(await wrong.errno('read', copy), ERRNO.EINVAL)
  await wrong.do('open', `${path}2`)
  t.equal(await wrong.errno('close'), ERRNO.EINVAL)
  await wrong.end()
})

test('a signal whose handler does not let calls go on ends a wait', async (t) => {
  const site = await Site.start(t)
  const consumer = site.consumer()
  await consumer.do('alarm', '300')
  t.equal(await consumer.errno('read', site.paths('never')[1]), ERRNO.EINTR)
  const producer = site.producer()
  await producer.do('open', site.paths('soon')[0])
  await producer.do('write', 'text')
  await producer.do('close')
  t.same(await consumer.do('read', site.paths('soon')[1]), { errno: 0, text: 'text' }, 'and the next call goes well')
  await producer.end()
  await consumer.end()
})

test('an agent that is killed: who waits goes on once it is back', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('late')
  const consumer = site.consumer()
  const reading = consumer.do('read', copy)
  await site.waiting('late')
  await site.b.kill()
  const b = await site.cluster.node('B')
  await b.noted<{ path?: string }>('dyad.kvs.waiting', ({ path }) => path === 'late')
  const producer = site.producer()
  await producer.do('open', path)
  await producer.do('write', 'text')
  t.equal(await producer.errno('close'), 0)
  t.same(await reading, { errno: 0, text: 'text' })

  // An idle connection of the former agent is no obstacle either.
  await b.kill()
  await site.cluster.node('B')
  t.same(await consumer.do('read', copy), { errno: 0, text: 'text' })
  await consumer.end()
  await producer.end()
})

test('an agent that is killed and does not come back: the wait ends with an errno', async (t) => {
  const site = await Site.start(t)
  const consumer = site.consumer()
  const reading = consumer.do('read', site.paths('late')[1])
  await site.waiting('late')
  await site.b.kill()
  t.equal((await reading).errno, ERRNO.ENOTCONN)
  await consumer.end()
})
