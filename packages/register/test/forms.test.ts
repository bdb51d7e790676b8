import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { messageFrom, outcomeOf } from '../../../test/harness/child.js'
import { startPlain, TwoAgents } from './two-nodes.js'

t.test('every asynchronous form of node:fs publishes what it writes, and waits for what it reads', async (t) => {
  const nodes = await TwoAgents.start(t)
  const [a, b] = [nodes.cluster.directory('a'), nodes.cluster.directory('b')]
  const reading = nodes.start('B', 'all-forms', ['read', b])
  const read = outcomeOf(reading)
  await messageFrom(reading)
  await outcomeOf(startPlain(t, 'all-forms', ['prepare', a]))
  const written = await nodes.run('A', 'all-forms', ['write', a])

  const root = mkdtempSync(join(tmpdir(), 'dyad-forms-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const plain = join(root, 'plain')
  mkdirSync(plain)
  await outcomeOf(startPlain(t, 'all-forms', ['prepare', plain]))
  const writtenPlainly = await outcomeOf(startPlain(t, 'all-forms', ['write', plain]))
  const readPlainly = await outcomeOf(startPlain(t, 'all-forms', ['read', plain]))

  t.same(written, writtenPlainly, 'the producer says what it says in another directory')
  t.same(await read, readPlainly, 'and so does the consumer')
  t.equal(readPlainly.end, 0)
  t.notMatch(readPlainly.stdout, /Error|undefined/, 'which is no failure')
  t.same(readdirSync(a).sort(), readdirSync(plain).sort(), 'the same files are left')
})
