import { ok, strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { isDyadError } from '../../errors.js'
import type { KvsOutage } from '../../kvs/contract.js'
import type { Clause, World } from './contract.js'
import { bytes, expectCode, expectKeys, expectValue, gather, pending, take, takeUntil } from './expect.js'

async function restart({ site }: World): Promise<void> {
  ok(site.restart, 'a store beyond this process is tested over a restart')
  await site.restart()
}

export const restartClauses: readonly Clause[] = [
  {
    name: 'goes on waiting and watching over a restart of the store',
    needs: 'durable',
    async run(world) {
      const { namespace, writer } = world
      if (!world.capabilities.crossProcess) return
      await writer.put(namespace.name, 'there', bytes('before'))
      const waiting = pending(Array.from({ length: 1_000 }, (_, i) => namespace.waitFor(`key/${i % 100}`)))
      const watch = namespace.watch('')
      strictEqual((await take(watch)).key, 'there')
      const missing = new Set(Array.from({ length: 100 }, (_, i) => `key/${i}`))
      const reading = pending(takeUntil(watch, ({ key }) => missing.delete(key) && missing.size === 0))
      await namespace.get('there')
      for (let i = 0; i < 50; i++) await writer.put(namespace.name, `key/${i}`, bytes('x'))
      await restart(world)
      for (let i = 50; i < 100; i++) await writer.put(namespace.name, `key/${i}`, bytes('x'))
      for (const entry of await Promise.all(waiting)) expectValue(entry, bytes('x'))
      await reading
      await watch.return?.()
    },
  },
  {
    name: 'keeps over a restart what put returned for, with revisions that grow',
    needs: 'durable',
    async run(world) {
      const { namespace, client, writer } = world
      const keys = Array.from({ length: 500 }, (_, i) => `key/${i}`)
      const revisions = await Promise.all(keys.map((key) => writer.put(namespace.name, key, bytes(key))))
      await restart(world)
      expectKeys(await gather(namespace.list('')), keys)
      for (const [i, key] of keys.entries()) {
        const entry = await namespace.get(key)
        expectValue(entry, bytes(key))
        strictEqual(entry.revision, revisions[i])
      }
      strictEqual((await client.listNamespaces()).join(), namespace.name)
      ok((await writer.put(namespace.name, 'key/0', bytes('new'))) > Math.max(...revisions))
    },
  },
  {
    name: 'answers calls that were under way when the store was killed',
    needs: 'durable',
    async run(world) {
      const { namespace } = world
      const keys = Array.from({ length: 200 }, (_, i) => `key/${i}`)
      const putting = pending(keys.map((key) => namespace.put(key, bytes(key))))
      const creating = pending(world.client.createNamespace('other'))
      await restart(world)
      await Promise.all(putting)
      await creating
      expectKeys(await gather(namespace.list('')), keys)
      await expectCode(world.client.createNamespace('other'), 'ERR_DYAD_NAMESPACE_EXISTS')
    },
  },
  {
    name: 'says that the store went away, why, and that it is back',
    needs: 'crossProcess',
    async run(world) {
      const { client } = world
      strictEqual(client.outage, undefined)
      const told: (KvsOutage | undefined)[] = []
      let isBack = () => {}
      const back = new Promise<void>((resolve) => {
        isBack = resolve
      })
      const stop = client.onOutage((outage) => {
        told.push(outage)
        if (outage === undefined) isBack()
      })
      client.onOutage(() => told.push(undefined))()
      const registration = await client.register('node', bytes('a'), { ttl: 60_000 })
      await restart(world)
      await back
      const [lost] = told
      ok(lost?.why instanceof Error && lost.address !== '' && lost.since <= Date.now())
      strictEqual(told.length, 2, 'once for each, and nothing for who listens no more')
      strictEqual(client.outage, undefined)
      stop()
      await registration.close()
    },
  },
  {
    name: 'puts under another epoch after a restart, and keeps the epoch of what was put before',
    needs: 'crossProcess',
    async run(world) {
      const { namespace, client } = world
      const before = await namespace.put('before', bytes('x'))
      await restart(world)
      if (!world.capabilities.durable) await client.createNamespace(namespace.name)
      const after = await namespace.put('after', bytes('x'))
      ok(before.epoch !== undefined && after.epoch !== undefined && before.epoch !== after.epoch)
      strictEqual((await namespace.get('after'))?.epoch, after.epoch)
      if (world.capabilities.durable) strictEqual((await namespace.get('before'))?.epoch, before.epoch)
    },
  },
  {
    name: 'registers anew after a restart',
    needs: 'crossProcess',
    async run(world) {
      const registration = await world.client.register('node', bytes('a'), { ttl: 60_000 })
      await restart(world)
      const other = await world.another()
      expectValue(await other.registry.waitFor('node'), bytes('a'))
      strictEqual(registration.lost.aborted, false)
      await registration.close()
    },
  },
  {
    name: 'gives a key back to its holder from a newcomer that was first after a restart',
    needs: 'crossProcess',
    async run(world) {
      const { site, client } = world
      if (site.fork === undefined) return
      const { writerElsewhere } = await import('./peer.js')
      const holder = writerElsewhere(site.fork())
      try {
        await holder.register('node', bytes('holder'), 60_000)
        // It cannot come back before the newcomer is there.
        holder.hang()
        await restart(world)
        const newcomer = await client.register('node', bytes('newcomer'), { ttl: 60_000 })
        const lost = pending(once(newcomer.lost, 'abort'))
        holder.goOn()
        await lost
        ok(isDyadError(newcomer.lost.reason, 'ERR_DYAD_NODE_TAKEN'))
        expectValue(await client.registry.get('node'), bytes('holder'))
        const successor = await client.register('node', bytes('successor'), { ttl: 60_000, takeover: true })
        holder.hang()
        await restart(world)
        await client.listNamespaces()
        holder.goOn()
        await holder.put('conformance', 'key', bytes('x')).catch(() => {})
        strictEqual(successor.lost.aborted, false, 'what was taken over by name stays')
        expectValue(await client.registry.get('node'), bytes('successor'))
        await successor.close()
      } finally {
        holder.goOn()
        await holder.close()
      }
    },
  },
]
