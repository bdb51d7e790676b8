import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { messageFrom, outcomeOf } from '../../../test/harness/child.js'
import { startPlain, TwoAgents } from './two-nodes.js'

/**
 * Lets a consumer read the files that a producer writes by each form. Compares their output with
 * that in a directory that is not managed.
 */
export async function compareForms(t: Test, kind: 'async' | 'sync'): Promise<void> {
  const nodes = await TwoAgents.start(t)
  const [a, b] = [nodes.cluster.directory('a'), nodes.cluster.directory('b')]
  // A file that is read ahead is here before it is requested.
  const env = { DYAD_STAT: 'wait', DYAD_READ_AHEAD: '0' }
  const reading = nodes.start('B', 'all-forms', ['read', b, kind], { env })
  const read = outcomeOf(reading)
  await messageFrom(reading)
  await outcomeOf(startPlain(t, 'all-forms', ['prepare', a, kind]))
  const written = await nodes.run('A', 'all-forms', ['write', a, kind])

  const root = mkdtempSync(join(tmpdir(), 'dyad-forms-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const plain = join(root, 'plain')
  mkdirSync(plain)
  await outcomeOf(startPlain(t, 'all-forms', ['prepare', plain, kind]))
  const writtenPlainly = await outcomeOf(startPlain(t, 'all-forms', ['write', plain, kind]))
  const readPlainly = await outcomeOf(startPlain(t, 'all-forms', ['read', plain, kind]))

  t.same(written, writtenPlainly, 'the producer says what it says in another directory')
  t.same(await read, readPlainly, 'and so does the consumer')
  t.equal(readPlainly.end, 0)
  t.notMatch(readPlainly.stdout, /Error|undefined/, 'which is no failure')
  t.same(readdirSync(a).sort(), readdirSync(plain).sort(), 'the same files are left')
}
