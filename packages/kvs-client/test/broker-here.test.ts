import { kvsConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { startBroker } from '../src/index.js'
import { forkProcess } from './broker-process.js'

const TIMEOUT_MS = 30_000

/** A restarted broker is in another process, and these clients end with theirs. */
const OF_RESTARTS = /after a restart|says that the store went away/

const here = (name: string, run: () => Promise<void>) => {
  if (!OF_RESTARTS.test(name)) test(name, run)
}

kvsConformance(here, {
  async open() {
    const broker = await startBroker()
    const observer = broker.client(broker.url(), TIMEOUT_MS)
    return {
      client: () => broker.client(broker.url(), TIMEOUT_MS),
      waiters: async () => (await observer.stats()).waiters,
      fork: () => forkProcess('peer.mjs', [broker.url()]),
      async close() {
        await observer.close()
        await broker.close()
      },
    }
  },
  capabilities: { durable: false, crossProcess: true, leases: true, readLeases: true },
})

test('the end of a broker ends the clients in its process', async (t) => {
  const broker = await startBroker()
  const kvs = broker.client('here', 200)
  await kvs.createNamespace('n')
  const waiting = kvs.namespace('n').waitFor('never')
  let outage: string | undefined
  kvs.onOutage((told) => {
    outage = told?.why.message
  })
  await broker.close()
  t.equal(broker.stats().links, 0)
  t.match(outage, 'the broker closed the connection')
  await t.rejects(kvs.namespace('n').get('x'), { code: 'ERR_DYAD_KVS_UNREACHABLE' })
  await kvs.close()
  await t.rejects(waiting, { code: 'ERR_DYAD_CLOSED' })
})
