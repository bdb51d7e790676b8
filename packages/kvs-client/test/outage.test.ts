import type { KvsOutage } from '@dyad-ts/core'
import { test } from 'tap'
import { brokerKvs, startBroker } from '../src/index.js'

test('a store whose place another held meanwhile is told to be back, once', async (t) => {
  const first = await startBroker({ token: 'right' })
  const { port } = first
  await using client = brokerKvs({ url: first.url(), token: 'right' })
  await client.createNamespace('ns')
  const told: (KvsOutage | undefined)[] = []
  client.onOutage((outage) => told.push(outage))
  const waiting = client.namespace('ns').waitFor('key')
  waiting.catch(() => {})
  await first.close()
  const stranger = await startBroker({ port, token: 'another' })
  await t.rejects(waiting, { code: 'ERR_DYAD_DENIED' })
  t.match(client.outage, { why: { code: 'ERR_DYAD_DENIED' } }, 'it is away, and why is known')
  await stranger.close()
  await using _again = await startBroker({ port, token: 'right' })
  await client.listNamespaces()
  t.equal(client.outage, undefined)
  t.match(told, [{ address: first.url() }, undefined])
  t.equal(told.length, 2)
})

test('a store that does not prove itself from the beginning is no outage', async (t) => {
  await using broker = await startBroker({ token: 'another' })
  await using client = brokerKvs({ url: broker.url(), token: 'right' })
  client.onOutage(() => t.fail('nothing was there to go away'))
  await t.rejects(client.listNamespaces(), { code: 'ERR_DYAD_DENIED' })
  t.equal(client.outage, undefined)
})

test('a registration outlasts a stranger at the port of its broker, which learns nothing of it', async (t) => {
  const first = await startBroker({ token: 'right' })
  const { port } = first
  await using client = brokerKvs({ url: first.url(), token: 'right' })
  const registration = await client.register('node', Buffer.from('x'), { ttl: 60_000 })
  const away = new Promise<KvsOutage>((resolve) => {
    client.onOutage((outage) => outage && resolve(outage))
  })
  await first.close()
  await away
  const stranger = await startBroker({ port, token: 'another' })
  await t.rejects(client.listNamespaces(), { code: 'ERR_DYAD_DENIED' }, 'calls fail')
  t.equal(registration.lost.aborted, false)
  t.match(client.outage, { why: { code: 'ERR_DYAD_DENIED' } })
  t.equal(stranger.stats().leases, 0)
  await stranger.close()
  await using again = await startBroker({ port, token: 'right' })
  await using other = brokerKvs({ url: again.url(), token: 'right' })
  t.equal((await other.registry.waitFor('node')).key, 'node')
  t.equal(registration.lost.aborted, false)
  await registration.close()
})
