import t from 'tap'
import { outcomeOf } from '../../../test/harness/child.js'
import { AgentRelay } from './agent-relay.js'
import { TwoAgents } from './two-nodes.js'

t.test('a program that takes part may open sessions of its own', async (t) => {
  const nodes = await TwoAgents.start(t)
  const sockets = { A: nodes.cluster.path('relay-a.sock'), B: nodes.cluster.path('relay-b.sock') }
  const relays = {
    A: await AgentRelay.start(t, sockets.A, nodes.agent('A')),
    B: await AgentRelay.start(t, sockets.B, nodes.agent('B')),
  }
  const env = (node: 'A' | 'B') => ({ env: { DYAD_AGENT: sockets[node] } })
  const consuming = outcomeOf(nodes.start('B', 'session', ['consume', nodes.cluster.directory('b')], env('B')))
  t.match(await nodes.run('A', 'session', ['produce', nodes.cluster.directory('a')], env('A')), { end: 0, stderr: '' })
  const stdout = JSON.stringify(['by a stream', 'by node:fs', 'by node:fs, and by hand', 'by a stream', 'three'])
  t.match(await consuming, { end: 0, stderr: '', stdout })
  t.same(relays.A.take(), ['produce plain', 'produce handed'], 'nothing is published twice')
  t.same(relays.B.take(), ['consume! plain', 'consume! stream', 'consume! handed'], 'what node:fs opens')
})
