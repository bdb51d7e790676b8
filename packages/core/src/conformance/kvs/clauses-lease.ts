import { ok, strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { isDyadError } from '../../errors.js'
import type { Clause } from './contract.js'
import { bytes, expectKeys, expectValue, gather, pending, take } from './expect.js'

const TTL_MS = 400

export const leaseClauses: readonly Clause[] = [
  {
    name: 'registers a key until it is closed',
    async run({ client, namespace, another }) {
      const other = await another()
      const watch = other.registry.watch('node/')
      const coming = pending(take(watch))
      const waiting = pending(other.registry.waitFor('node/a'))
      const registration = await client.register('node/a', bytes('a'), { ttl: 60_000 })
      expectValue(await coming, bytes('a'))
      expectValue(await waiting, bytes('a'))
      await watch.return?.()
      expectKeys(await gather(other.registry.list('node/')), ['node/a'])
      strictEqual(await namespace.get('node/a'), undefined, 'apart from every namespace')
      await registration.close()
      strictEqual(await other.registry.get('node/a'), undefined)
      strictEqual(registration.lost.aborted, false)
      await registration.close()
    },
  },
  {
    name: 'removes what a client registered when it is closed',
    async run({ client, another }) {
      const other = await another()
      await other.register('node', bytes('a'), { ttl: 60_000 })
      ok(await client.registry.get('node'))
      await other.close()
      strictEqual(await client.registry.get('node'), undefined)
    },
  },
  {
    name: 'gives the key to the latest, and tells the former',
    async run({ client, writer }) {
      const former = await client.register('node', bytes('former'), { ttl: 60_000 })
      const lost = former.lost.aborted ? Promise.resolve() : once(former.lost, 'abort')
      await writer.register('node', bytes('latest'), 60_000)
      await lost
      ok(isDyadError(former.lost.reason, 'ERR_DYAD_NODE_TAKEN'))
      expectValue(await client.registry.get('node'), bytes('latest'))
      await former.close()
      expectValue(await client.registry.get('node'), bytes('latest'))
    },
  },
  {
    name: 'keeps a key whose owner lives',
    needs: 'leases',
    async run({ client, another }) {
      const registration = await client.register('node', bytes('a'), { ttl: TTL_MS })
      await delay(3 * TTL_MS)
      const other = await another()
      ok(await other.registry.get('node'))
      strictEqual(registration.lost.aborted, false)
      await registration.close()
    },
  },
  {
    name: 'drops a key whose owner died',
    needs: 'leases',
    async run({ client, writer, site, another }) {
      let die = () => writer.die()
      if (site.crash === undefined && site.fork !== undefined) {
        const { writerElsewhere } = await import('./peer.js')
        const victim = writerElsewhere(site.fork())
        await victim.register('node', bytes('a'), TTL_MS)
        die = () => victim.die()
      } else {
        await writer.register('node', bytes('a'), TTL_MS)
      }
      ok(await client.registry.get('node'))
      die()
      // The contract has no word for what is gone: ask until it is, for as long as anybody would wait.
      const other = await another()
      for (let i = 0; i < 50 && (await other.registry.get('node')) !== undefined; i++) await delay(TTL_MS / 4)
      strictEqual(await other.registry.get('node'), undefined)
    },
  },
]
