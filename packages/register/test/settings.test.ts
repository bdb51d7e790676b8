/** The variables of clients act in a Node program as under the preload library. */
import { basename } from 'node:path'
import t from 'tap'
import { messageFrom, outcomeOf } from '../../../test/harness/child.js'
import { TwoAgents } from './two-nodes.js'

const nodes = await TwoAgents.start(t)

t.test('the stat of programs that DYAD_STAT_WAIT names waits', async (t) => {
  const producer = await nodes.cluster.producer()
  const directory = nodes.cluster.directory('b')
  const node = basename(process.execPath)
  const stat = (name: string, env: Record<string, string>) => nodes.start('B', 'looks', [directory, name], { env })
  const waits: Record<string, string>[] = [
    { DYAD_STAT_WAIT: `cp:${node}` },
    { DYAD_STAT_WAIT: node, DYAD_STAT: 'fetch' },
  ]
  for (const [index, env] of waits.entries()) {
    const waiting = stat(`frame-${index}`, env)
    const ended = outcomeOf(waiting)
    t.equal(await messageFrom(waiting), 'looks')
    await nodes.b.noted<{ path?: string }>('dyad.kvs.waiting', ({ path }) => path === `frame-${index}`)
    await producer.ask('write', `frame-${index}`, 7)
    t.match(await ended, { end: 0, stdout: '[7,7,true]' })
  }
  const passes: Record<string, string>[] = [
    { DYAD_STAT_WAIT: 'cp:nod' },
    { DYAD_STAT_WAIT: node, DYAD_STAT: 'plain' },
    {},
  ]
  for (const env of passes) {
    t.match(await outcomeOf(stat('never', env)), { end: 0, stdout: '["ENOENT","ENOENT",false]' })
  }
})

t.test('DYAD_SYNC_DEBUG tells each failure on stderr', async (t) => {
  const directory = nodes.cluster.directory('b')
  // It fails at once, even on a busy machine.
  const env = { DYAD_KVS_NAMESPACE: 'nowhere' }
  const stdout = '["ENXIO","ENXIO",false]'
  t.match(await outcomeOf(nodes.start('B', 'looks', [directory, 'never'], { env })), { stdout, stderr: '' })
  const telling = { ...env, DYAD_SYNC_DEBUG: 'yes' }
  const told = await outcomeOf(nodes.start('B', 'looks', [directory, 'never'], { env: telling }))
  t.match(told, { stdout, stderr: /^(dyad: never: ERR_DYAD_NAMESPACE_MISSING: [^\n]+\n){3}$/ })
})
