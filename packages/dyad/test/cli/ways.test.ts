import type { NodeEntry, Transport } from '@dyad-ts/core'
import { test } from 'tap'
import { waysTo } from '../../src/cli/ways.js'
import { double, NO_DEVICE } from '../double.js'

/** A node that offers these. */
function node(offered: readonly string[], directories = ['/a', '/b']): NodeEntry {
  const transports = offered.map((name) => ({ name, address: `at ${name}` }))
  return { node: 'A', transports, directories, host: 'h', pid: 1, startedAt: 0 }
}

const lines = async (entry: NodeEntry, transports: readonly Transport[], mode = 'auto') =>
  (await waysTo(entry, transports, mode)).map(
    ({ transport, isUsed, reason }) => `${isUsed ? 'would use' : 'not'} ${transport}: ${reason}`,
  )

const local = double('local', { obstacle: async () => 'its files are not on this host' })
const rdma = double('rdma', { unavailable: NO_DEVICE })

test("every transport of this side is told of, in this side's order, with why", async (t) => {
  const ways = [local, double('rdma'), double('tcp'), double('rpc')]
  t.strictSame(await lines(node(['rpc', 'tcp', 'local']), ways), [
    'not local: its files are not on this host',
    'not rdma: the owner does not offer it',
    'would use tcp: the best that both sides have',
    'not rpc: a better one serves',
  ])
  t.strictSame(await lines(node(['rdma', 'tcp']), [rdma, double('tcp')]), [
    'not rdma: there is no device',
    'would use tcp: the best that both sides have',
  ])
})

test('one that was asked for is used, or nothing is', async (t) => {
  t.strictSame(await lines(node(['rdma', 'tcp']), [double('rdma'), double('tcp')], 'tcp'), [
    'not rdma: DYAD_DTL_MODE is tcp',
    'would use tcp: DYAD_DTL_MODE is tcp',
  ])
  t.strictSame(await lines(node(['rdma', 'tcp']), [rdma, double('tcp')], 'rdma'), [
    'not rdma: there is no device',
    'not tcp: DYAD_DTL_MODE is rdma',
  ])
})

test('a way to one of the directories is a way to the node', async (t) => {
  const some = double('local', {
    obstacle: async (_, storage) => (storage === '/b' ? undefined : 'its directory cannot be seen from here'),
  })
  t.strictSame(await lines(node(['local']), [some]), ['would use local: the best that both sides have'])
  t.strictSame(await lines(node(['local'], ['/a', '/c']), [some]), [
    'not local: its directory cannot be seen from here',
  ])
  t.strictSame(await lines(node(['local'], []), [some]), ['not local: it serves no directory'])
})
