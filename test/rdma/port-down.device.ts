import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Diagnostics, DtlMode } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../harness/cluster.js'
import { digestOf } from '../harness/contents.js'
import { COMMON, elsewhere, setPort, starts } from './support/guest.js'

const SIZE = 48 * 2 ** 20
const PAUSE_AT = 2 ** 20
type Retry = Diagnostics['dyad.transfer.retry']

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

test('a file whose way is cut midway goes on by itself, where it stopped', async (t) => {
  const { cluster, a } = await Cluster.start(t, COMMON)
  const producer = await cluster.producer()
  await producer.ask('write', 'first', SIZE, 1)
  await producer.ask('write', 'second', SIZE, 2)
  t.teardown(() => setPort('up'))
  /** Consumes a file, and stays midway until `meanwhile` is done. */
  const consume = async (dtlMode: DtlMode, path: string, meanwhile: () => void) => {
    const consumerPath = cluster.directory(dtlMode)
    const consumer = await cluster.app(dtlMode, { consumerPath, dtlMode }, {}, elsewhere(cluster.path('a')))
    const consuming = consumer.ask<string>('consume', path, { pauseAt: PAUSE_AT })
    consuming.catch(() => {})
    await consumer.noted('paused')
    meanwhile()
    consumer.unblock()
    return { consumer, local: await consuming }
  }

  await t.test('over rdma, where the port was down for a moment', async (t) => {
    const { consumer, local } = await consume('rdma', 'first', () => {
      // Who says goodbye while the port is down breaks Soft-RoCE for all: the kernel's own queue
      // pair for such messages stays in its error state.
      a.freeze()
      setPort('down')
      setPort('up')
      a.resume()
    })
    t.equal(sha256(local), digestOf(SIZE, 1))
    t.same([...new Set(starts(consumer).map(({ transport }) => transport))], ['rdma'])
  })

  await t.test('over another transport, while the port is down', async (t) => {
    const { consumer, local } = await consume('auto', 'second', () => setPort('down'))
    t.equal(sha256(local), digestOf(SIZE, 2))
    t.match(consumer.notes<Retry>('dyad.transfer.retry')[0]?.error.message, /^the transfer broke off/)
    const [first, ...others] = starts(consumer)
    t.match(first, { transport: 'rdma', start: 0 })
    t.match(others.at(-1), { transport: 'tcp', reason: /; not rdma: / })
    t.ok(Number(others.at(-1)?.start) > 0, 'from where it stopped')
  })
})
