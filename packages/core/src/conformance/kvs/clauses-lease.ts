import { fail, ok, strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { isDyadError } from '../../errors.js'
import type { Clause } from './contract.js'
import { bytes, expectCode, expectKeys, expectReason, expectValue, gather, pending, take } from './expect.js'

const TTL_MS = 400
/** For newcomers that are to come before a lease ends, also on a busy machine. */
const LONG_TTL_MS = 3_000

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
    name: 'refuses a key that is held, whose holder keeps it',
    async run({ client, writer, another }) {
      const holder = await client.register('node', bytes('holder'), { ttl: 60_000 })
      const other = await another()
      const onWaiting = () => fail('the holder answers')
      for (let i = 0; i < 3; i++) {
        const newcomer = other.register('node', bytes('newcomer'), { ttl: 60_000, onWaiting })
        await expectCode(newcomer, 'ERR_DYAD_NODE_TAKEN')
      }
      strictEqual(holder.lost.aborted, false)
      expectValue(await other.registry.get('node'), bytes('holder'))
      await writer.register('elsewhere', bytes('writer'), 60_000)
      await expectCode(client.register('elsewhere', bytes('x'), { ttl: 60_000 }), 'ERR_DYAD_NODE_TAKEN')
      await holder.close()
      await other.register('node', bytes('next'), { ttl: 60_000 })
      expectValue(await client.registry.get('node'), bytes('next'))
    },
  },
  {
    name: 'gives a key to one of those that register at once',
    async run({ client, another }) {
      const others = [await another(), await another(), await another()]
      for (let i = 0; i < 10; i++) {
        const results = await Promise.allSettled(
          others.map((other, j) => other.register(`node/${i}`, bytes(`${j}`), { ttl: 60_000 })),
        )
        const winners = results.flatMap(({ status }, j) => (status === 'fulfilled' ? [j] : []))
        strictEqual(winners.length, 1)
        expectValue(await client.registry.get(`node/${i}`), bytes(`${winners[0]}`))
      }
    },
  },
  {
    name: 'takes a key over for who asks for it, and tells the former',
    async run({ client, writer }) {
      const former = await client.register('node', bytes('former'), { ttl: 60_000 })
      const lost = former.lost.aborted ? Promise.resolve() : once(former.lost, 'abort')
      await writer.register('node', bytes('latest'), 60_000, true)
      await lost
      ok(isDyadError(former.lost.reason, 'ERR_DYAD_NODE_TAKEN'))
      expectValue(await client.registry.get('node'), bytes('latest'))
      await former.close()
      expectValue(await client.registry.get('node'), bytes('latest'))
    },
  },
  {
    name: 'takes a key from the holder that has ended by its entry, and from no other',
    async run({ client, another }) {
      const holder = await client.register('node', bytes('ended'), { ttl: 60_000 })
      const { revision: former = 0 } = (await client.registry.get('node')) ?? {}
      const [other, late] = [await another(), await another()]
      const lost = holder.lost.aborted ? Promise.resolve() : once(holder.lost, 'abort')
      const next = await other.register('node', bytes('next'), { ttl: 60_000, former })
      await lost
      expectValue(await client.registry.get('node'), bytes('next'))
      await expectCode(late.register('node', bytes('late'), { ttl: 60_000, former }), 'ERR_DYAD_NODE_TAKEN')
      strictEqual(next.lost.aborted, false)
      expectValue(await client.registry.get('node'), bytes('next'))
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
      // The contract has no word for what is gone: ask until it is, for as long as anybody would
      // wait.
      const other = await another()
      for (let i = 0; i < 50 && (await other.registry.get('node')) !== undefined; i++) await delay(TTL_MS / 4)
      strictEqual(await other.registry.get('node'), undefined)
    },
  },
  {
    name: 'gives the key of a holder that died to a newcomer that waits for it, and says that it waits',
    needs: 'leases',
    async run({ client, site, another }) {
      if (site.fork === undefined) return
      const { writerElsewhere } = await import('./peer.js')
      const victim = writerElsewhere(site.fork())
      await victim.register('node', bytes('victim'), LONG_TTL_MS)
      victim.die()
      const other = await another()
      const told: number[] = []
      const newcomers = [client, other].map((each, i) =>
        each.register('node', bytes(`${i}`), { ttl: 60_000, onWaiting: (ms) => told.push(ms) }),
      )
      const results = await Promise.allSettled(newcomers)
      const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
      strictEqual(winners.length, 1, 'one of two that wait gets it')
      strictEqual(told.length, 2)
      ok(
        told.every((ms) => ms >= 0 && ms <= LONG_TTL_MS),
        told.join(),
      )
      expectValue(await client.registry.get('node'), bytes(`${winners[0]}`))
    },
  },
  {
    name: 'refuses a newcomer that waited when the holder goes on',
    needs: 'leases',
    async run({ client, site }) {
      if (site.fork === undefined) return
      const { writerElsewhere } = await import('./peer.js')
      const holder = writerElsewhere(site.fork())
      try {
        await holder.register('node', bytes('holder'), 60_000)
        holder.hang()
        let refused = Promise.resolve()
        await new Promise<void>((resolve) => {
          const newcomer = client.register('node', bytes('newcomer'), { ttl: 60_000, onWaiting: () => resolve() })
          refused = pending(expectCode(newcomer, 'ERR_DYAD_NODE_TAKEN'))
        })
        holder.goOn()
        await refused
        expectValue(await client.registry.get('node'), bytes('holder'))
      } finally {
        holder.goOn()
        await holder.close()
      }
    },
  },
  {
    name: 'ends the wait of a newcomer with the reason of its signal, and gives it nothing later',
    needs: 'leases',
    async run({ client, site }) {
      if (site.fork === undefined) return
      const { writerElsewhere } = await import('./peer.js')
      const victim = writerElsewhere(site.fork())
      await victim.register('node', bytes('victim'), LONG_TTL_MS)
      victim.die()
      const stop = new AbortController()
      const reason = { why: 'enough' }
      const onWaiting = () => stop.abort(reason)
      await expectReason(
        client.register('node', bytes('newcomer'), { ttl: 60_000, signal: stop.signal, onWaiting }),
        reason,
      )
      for (let i = 0; i < 50 && (await client.registry.get('node')) !== undefined; i++) await delay(TTL_MS / 4)
      strictEqual(await client.registry.get('node'), undefined)
    },
  },
]
