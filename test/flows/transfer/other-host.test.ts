import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { nodeEntry, registerNode } from '../../harness/stored.js'

test('a service at the loopback of another host is an error at once, which says what to change', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('S', { directories: [cluster.directory('p')] })
  await using client = cluster.client()
  const entry = await nodeEntry(client, 'S')
  const offers = entry.transports
    .filter(({ name }) => name !== 'local')
    .map(({ name, address }) => ({ name, address: JSON.parse(address) as Record<string, unknown> }))
  const register = async (network: (known: unknown) => unknown) =>
    registerNode(client, {
      ...entry,
      node: 'P',
      transports: offers.map(({ name, address }) => {
        return { name, address: JSON.stringify({ ...address, network: network(address['network']) }) }
      }),
    })
  const producer = await cluster.app('P', { producerPath: cluster.directory('p') })
  await producer.ask('write', 'x', 100_000, 1)

  // The patience would outlast the test.
  const consumer = await cluster.consumer({ ownerTimeout: 600_000 })
  const elsewhere = await register(() => 'another kernel, another network')
  const clause = 'its address 127\\.0\\.0\\.1 is of its own host alone; its service needs --host, or --advertise'
  await t.rejects(consumer.ask('read', 'x'), {
    code: 'ERR_DYAD_NO_TRANSPORT',
    node: 'P',
    message: new RegExp(`not tcp: ${clause}.*not rpc: ${clause}`),
  })
  await elsewhere.close()

  const here = await register((known) => known)
  t.strictSame(await consumer.ask('read', 'x'), { size: 100_000, sha256: digestOf(100_000, 1) }, 'in one network')
  await here.close()
})
