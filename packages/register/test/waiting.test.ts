import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { messageFrom, outcomeOf } from '../../../test/harness/child.js'
import { startPlain, TwoAgents } from './two-nodes.js'

const shared = await TwoAgents.start(t)

/** Returns the outcome of a program in an empty directory that is not managed. */
async function plainly(t: Test, how: string): Promise<unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-waiting-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const { stdout, stderr } = await outcomeOf(startPlain(t, 'waiting', [how, directory]))
  t.equal(stderr, '')
  return JSON.parse(stdout)
}

/** Returns the outcome of a program that waits in the consumer-managed directory. */
async function said(nodes: TwoAgents, how: string, env: Record<string, string> = {}): Promise<unknown> {
  const { stdout, stderr } = await nodes.run('B', 'waiting', [how, nodes.cluster.directory('b')], { env })
  return stderr === '' ? JSON.parse(stdout) : stderr
}

t.test('while a call waits the event loop goes on', async (t) => {
  const producer = await shared.cluster.producer()
  for (const how of ['tick', 'chdir']) {
    const waiting = shared.start('B', 'waiting', [how, shared.cluster.directory('b')])
    const ended = outcomeOf(waiting)
    t.equal(await messageFrom(waiting), 'ticked')
    await producer.ask('write', how, 4)
    const { stdout } = await ended
    t.equal(JSON.parse(stdout).length, 4, how)
  }
})

t.test('signals end waits as they end reads of node:fs', async (t) => {
  const there = (await said(shared, 'abort')) as { threw: { name: string } }[]
  t.same(
    there.map(({ threw }) => threw.name),
    ['AbortError', 'AbortError', 'AbortError', 'AbortError', 'AbortError'],
  )
  const [, , , aborted, wrote] = (await plainly(t, 'abort')) as unknown[]
  t.same(there[3], aborted, 'a signal that had fired says what it says with node:fs')
  t.same(there[4], wrote)
  t.match(there[1], { threw: { code: 'ABORT_ERR', cause: 'Error: enough' } })
})

t.test('a stream that is destroyed while it waits closes, as one whose file is there', async (t) => {
  t.match(await said(shared, 'destroy'), [['open', 'ready', 'close'], true, true, { threw: { name: 'AbortError' } }])
})

t.test('wrong arguments throw at once what they throw with node:fs', async (t) => {
  const there = (await said(shared, 'wrong', { DYAD_STAT: 'wait' })) as unknown[]
  const plain = (await plainly(t, 'wrong')) as unknown[]
  t.equal(there.length, plain.length)
  for (const [index, outcome] of there.entries()) {
    const expected = plain[index] as { threw?: { code?: string } }
    // node:fs would look for the file; here the program waits for it.
    if (expected.threw?.code === 'ENOENT') t.same(outcome, { returned: 'waits' }, `call ${index}`)
    else t.same(outcome, expected, `call ${index}`)
  }
})

t.test('a wait that is too long fails with ETIMEDOUT, in the words of node:fs', async (t) => {
  const there = (await said(shared, 'timeout', { DYAD_TIMEOUT: '2000', DYAD_STAT: 'wait' })) as unknown[]
  const plain = JSON.stringify(await plainly(t, 'timeout'))
  const expected = plain
    .replaceAll('ENOENT: no such file or directory', 'ETIMEDOUT: connection timed out')
    .replaceAll('"errno":-2,"code":"ENOENT"', '"errno":-110,"code":"ETIMEDOUT"')
  t.same(there, JSON.parse(expected))
})

t.test('an agent that is killed while a program waits', async (t) => {
  const nodes = await TwoAgents.start(t)
  const producer = await nodes.cluster.producer()
  const waiting = nodes.start('B', 'waiting', ['read', nodes.cluster.directory('b')])
  const ended = outcomeOf(waiting)
  await messageFrom(waiting)
  await nodes.b.kill()
  await nodes.cluster.node('B', { directories: [nodes.cluster.directory('b')] })
  await producer.ask('write', 'read', 5)
  const { stdout } = await ended
  t.match(JSON.parse(stdout), { returned: /^.{5}$/s }, 'the wait goes on with the agent that comes back')
})

t.test('an agent that stays away ends the wait with ENOTCONN', async (t) => {
  const nodes = await TwoAgents.start(t)
  const waiting = nodes.start('B', 'waiting', ['read', nodes.cluster.directory('b')])
  const ended = outcomeOf(waiting)
  await messageFrom(waiting)
  await nodes.b.kill()
  t.match(JSON.parse((await ended).stdout), { threw: { code: 'ENOTCONN', syscall: 'open' } })
})

t.test('without an agent calls fail, or pass, as DYAD_AGENT_MISSING says', async (t) => {
  const b = shared.cluster.directory('b')
  const away = { DYAD_AGENT: shared.cluster.path('nobody.sock') }
  t.match(await said(shared, 'read', away), { threw: { code: 'ENOTCONN' } })
  writeFileSync(join(b, 'read'), 'as it is')
  const env = { ...away, DYAD_AGENT_MISSING: 'pass' }
  const { stdout, stderr } = await shared.run('B', 'waiting', ['read', b], { env })
  t.same(JSON.parse(stdout), { returned: 'as it is' })
  t.match(stderr, /DYAD_NO_AGENT/, 'and the program is warned')
})
