import { test } from 'tap'
import { endOf, messageFrom } from '../../../test/harness/child.js'
import { brokerKvs } from '../src/index.js'
import { BrokerProcess, forkProcess } from './broker-process.js'

const WAITS = 100_000
const CALLS = 10_000

test('100,000 blocked waits of two processes are held by one broker, and all woken', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const half = WAITS / 2
  const waiters = [0, half].map((first) => forkProcess('waiters.mjs', [broker.url, String(first), String(half)]))
  for (const message of await Promise.all(waiters.map((each) => messageFrom(each)))) t.equal(message, 'blocked')
  t.equal((await client.stats()).waiters, WAITS)
  const woken = waiters.map((each) => messageFrom(each))
  const ended = waiters.map((each) => endOf(each))
  const ns = client.namespace('ns')
  await Promise.all(Array.from({ length: WAITS }, (_, i) => ns.put(`wait/${i}`, Buffer.from(String(i)))))
  for (const message of await Promise.all(woken)) t.equal(message, 'woken')
  await Promise.all(ended)
  t.equal((await client.stats()).waiters, 0)
})

test('100,000 waits of one connection for one key are held, and ended by one signal', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  const stop = new AbortController()
  const waits = Array.from({ length: WAITS }, () =>
    ns.waitFor('key', { signal: stop.signal }).catch((reason: unknown) => reason),
  )
  t.equal((await client.stats()).waiters, WAITS)
  stop.abort('enough')
  t.ok((await Promise.all(waits)).every((reason) => reason === 'enough'))
  t.equal((await client.stats()).waiters, 0)
})

test('what is over leaves nothing behind, however much is under way', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const caller = forkProcess('caller.mjs', [broker.url, String(CALLS)], ['--expose-gc'])
  const grown = await messageFrom<number>(caller)
  t.ok(grown < 12, `the old generation grew by ${grown.toFixed(1)} MiB`)
})
