import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Test, test } from 'tap'
import type { Diagnostics } from '../../src/diagnostics.js'
import { DyadError } from '../../src/errors.js'
import type { KvsReader } from '../../src/kvs/contract.js'
import { encodeNodeEntry } from '../../src/kvs/node-entry.js'
import { Attempt } from '../../src/transfer/attempt.js'
import type { Transfer, Transport } from '../../src/transfer/contract.js'
import { Nodes } from '../../src/transfer/nodes.js'
import { reach } from '../../src/transfer/reach.js'
import { Ways } from '../../src/transfer/ways.js'

const RECORD = { path: 'x', owner: 'A', size: 10, mtimeNs: 1n, mode: 0o644, storage: '/a', generation: 1 }
const NO_DEVICE = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })
const NO_MEMORY = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'no memory can be locked' })

/** A transport that fetches, or does what it is told. */
function double(name: string, told: Partial<Transport> = {}): Transport {
  const close = async () => {}
  const transfer: Transfer = {
    size: RECORD.size,
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
    close,
    [Symbol.asyncDispose]: close,
  }
  const transport: Transport = {
    name,
    serve: () => Promise.reject(new Error('nobody serves')),
    obstacle: async () => undefined,
    fetch: async () => transfer,
    close,
    [Symbol.asyncDispose]: close,
  }
  return Object.defineProperties(transport, Object.getOwnPropertyDescriptors(told))
}

const failing = (error: Error): Partial<Transport> => ({ fetch: () => Promise.reject(error) })

/** Reaches an owner that offers these transports, over those of this side. */
async function reached(
  offered: readonly string[],
  transports: readonly Transport[],
  mode = 'auto',
  ways = new Ways(),
): Promise<void> {
  const value = encodeNodeEntry({
    node: 'A',
    // `tcp#2` is another address of tcp.
    transports: offered.map((offer) => ({ name: offer.split('#')[0] ?? '', address: `at ${offer}` })),
    directories: ['/a'],
    host: 'h',
    pid: 1,
    startedAt: 0,
  })
  const registry = { waitFor: async (key: string) => ({ key, value, revision: 1 }) } as unknown as KvsReader
  using attempt = new Attempt(new AbortController().signal, 10_000, {
    stalled: () => new Error('it stood still'),
    waited: () => {},
  })
  const context = { nodes: new Nodes({ registry, outage: undefined }), transports, mode }
  await (await reach(RECORD, 0, 10_000, context, attempt, ways)).close()
}

/** What is told of the transfers that are begun from now on, until the test ends. */
function told(t: Test): string[] {
  const lines: string[] = []
  const listen = (message: unknown) => {
    const { transport, reason } = message as Diagnostics['dyad.transfer.started']
    lines.push(`${transport}: ${reason}`)
  }
  subscribe('dyad.transfer.started', listen)
  t.teardown(() => unsubscribe('dyad.transfer.started', listen))
  return lines
}

test('each better transport that is passed over is told of, with what was in its way', async (t) => {
  const lines = told(t)
  await reached(
    ['local', 'rdma', 'tcp', 'rpc'],
    [
      double('local', { obstacle: async (address, storage) => `${address} has no ${storage}` }),
      double('shm'),
      double('rdma', { unavailable: NO_DEVICE }),
      double('tcp'),
      double('rpc'),
    ],
  )
  t.strictSame(lines, [
    'tcp: the best that both sides have; not local: at local has no /a; not shm: the owner does not offer it; not rdma: there is no device',
  ])
})

test('where there is nothing better, and where one was asked for, nothing else is told of', async (t) => {
  const lines = told(t)
  const transports = [double('rdma', { unavailable: NO_DEVICE }), double('tcp'), double('rpc')]
  await reached(['tcp', 'rpc'], transports.slice(1))
  await reached(['tcp', 'rpc'], transports, 'rpc')
  t.strictSame(lines, ['tcp: the best that both sides have', 'rpc: DYAD_DTL_MODE is rpc'])
})

test('what turns out to be of no use when it is tried gives way to the next, which says so', async (t) => {
  const lines = told(t)
  const refused = new DyadError('ERR_DYAD_DENIED')
  await reached(
    ['rdma', 'tcp', 'rpc'],
    [double('rdma', failing(NO_MEMORY)), double('tcp', failing(refused)), double('rpc')],
  )
  t.strictSame(lines, [
    'rdma: the best that both sides have',
    'tcp: the best that both sides have; not rdma: no memory can be locked',
    'rpc: the best that both sides have; not rdma: no memory can be locked; not tcp: the two sides do not have the same token',
  ])
})

test('the one that was asked for has no next', async (t) => {
  const lines = told(t)
  const transports = [double('rdma', failing(NO_MEMORY)), double('tcp')]
  await t.rejects(reached(['rdma', 'tcp'], transports, 'rdma'), NO_MEMORY)
  t.strictSame(lines, ['rdma: DYAD_DTL_MODE is rdma'])
})

test('where there is none, the error names what was in the way of each', async (t) => {
  const transports = [double('rdma', { unavailable: NO_DEVICE }), double('tcp')]
  await t.rejects(reached(['rdma', 'rpc'], transports), {
    code: 'ERR_DYAD_NO_TRANSPORT',
    detail:
      'the owner offers rdma, rpc; this side may use rdma, tcp; not rdma: there is no device; not tcp: the owner does not offer it',
  })
  await t.rejects(reached(['rdma', 'rpc'], transports, 'rdma'), {
    code: 'ERR_DYAD_NO_TRANSPORT',
    detail: 'the owner offers rdma, rpc; this side may use rdma alone, of rdma, tcp; not rdma: there is no device',
  })
})

test('no reason is put together for nobody, and no device is looked for in vain', async (t) => {
  let asked = 0
  const silent = Object.defineProperty(new Error(), 'message', { get: () => `asked for ${++asked} times` })
  await reached(['rdma', 'tcp'], [double('rdma', failing(silent)), double('tcp')])
  t.equal(asked, 0, 'nobody listens')
  const probed = double('rdma', {
    get unavailable() {
      asked++
      return NO_DEVICE
    },
  })
  await reached(['tcp'], [probed, double('tcp')])
  t.equal(asked, 0, 'the owner does not offer it')
  const lines = told(t)
  await reached(['rdma', 'tcp'], [double('rdma', failing(silent)), double('tcp')])
  t.strictSame(lines.at(-1), 'tcp: the best that both sides have; not rdma: asked for 1 times', 'somebody listens')
})

test('what has failed this file comes after what has not, and of those the one that has failed least', async (t) => {
  const lines = told(t)
  const transports = [double('rdma'), double('tcp'), double('rpc', { obstacle: async () => 'out of sight' })]
  const ways = new Ways()
  for (const why of ['it stood still', 'it was cut off', 'it stood still again', undefined]) {
    await reached(['rdma', 'tcp', 'rpc'], transports, 'auto', ways)
    if (why !== undefined) ways.failed(new DyadError('ERR_DYAD_TRANSFER', { detail: why }))
  }
  const best = 'the best that both sides have'
  t.strictSame(lines, [
    `rdma: ${best}`,
    `tcp: ${best}; not rdma: it stood still`,
    `rdma: ${best}; not tcp: it was cut off; not rpc: out of sight`,
    `tcp: ${best}; not rdma: it stood still again; not rpc: out of sight`,
  ])
})

test('another address of one transport is another way', async (t) => {
  const asked: string[] = []
  const tcp = double('tcp', {
    fetch: (address) => {
      asked.push(address)
      return Promise.reject(new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { detail: 'nobody listens' }))
    },
  })
  const ways = new Ways()
  await t.rejects(reached(['tcp', 'tcp#2'], [tcp], 'auto', ways), { code: 'ERR_DYAD_OWNER_UNREACHABLE' })
  t.strictSame(asked, ['at tcp', 'at tcp#2'])
})

test('where nothing that the owner offered can be used, the registry is asked once more', async (t) => {
  const offers = ['ended', 'ended', 'anew']
  const at = (address: string) => ({
    key: 'A',
    value: encodeNodeEntry({
      node: 'A',
      transports: [{ name: 'local', address }],
      directories: ['/a'],
      host: 'h',
      pid: 1,
      startedAt: 0,
    }),
    revision: 1,
  })
  const registry = { waitFor: async () => at(offers.shift() ?? 'nobody asks again') } as unknown as KvsReader
  const local = double('local', { obstacle: async (address) => (address === 'anew' ? undefined : `it is ${address}`) })
  const begin = async () => {
    using attempt = new Attempt(new AbortController().signal, 10_000, {
      stalled: () => new Error('it stood still'),
      waited: () => {},
    })
    const context = { nodes: new Nodes({ registry, outage: undefined }), transports: [local], mode: 'auto' }
    await (await reach(RECORD, 0, 10_000, context, attempt, new Ways())).close()
  }
  await t.rejects(begin(), { code: 'ERR_DYAD_NO_TRANSPORT', message: /not local: it is ended/ }, 'it still offers that')
  t.strictSame(offers, ['anew'])
  offers.unshift('ended')
  await begin()
  t.strictSame(offers, [])
})
