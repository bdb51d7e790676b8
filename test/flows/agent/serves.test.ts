import { readFileSync, writeFileSync } from 'node:fs'
import { agentPath } from '@dyad/agent'
import t from 'tap'
import { AgentClient } from '../../harness/agent-client.js'
import { Cluster, TOKEN } from '../../harness/cluster.js'

t.test('a file goes from a program of one node to a program of another', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B', { directories: [cluster.directory('b')] })
  const common = {
    DYAD_KVS: cluster.kvs,
    DYAD_KVS_NAMESPACE: 'flow',
    DYAD_TOKEN: TOKEN,
    DYAD_STATE_DIR: cluster.path('state'),
  }
  const a = { ...common, DYAD_NODE: 'A', DYAD_PATH_PRODUCER: cluster.directory('a') }
  const b = { ...common, DYAD_NODE: 'B', DYAD_PATH_CONSUMER: cluster.directory('b') }
  await using producer = await AgentClient.greet(agentPath(cluster.path('state'), 'A'), a)
  await using consumer = await AgentClient.greet(agentPath(cluster.path('state'), 'B'), b)
  t.equal(await consumer.consume('one', 0), 'absent', 'it is not published yet')
  const waiting = consumer.consume('one')
  writeFileSync(cluster.path('a', 'one'), 'forty bytes, more or less')
  t.equal(await producer.produce('one'), 'done')
  t.equal(await waiting, 'done')
  t.equal(readFileSync(cluster.path('b', 'one'), 'utf8'), 'forty bytes, more or less')
  t.equal(await consumer.consume('one', 0), 'done')
  t.equal(await producer.change('one'), 'done')
  t.equal(await consumer.consume('one', 0), 'absent')
  t.equal(await producer.change('one'), 'done', 'nothing to withdraw')
})
