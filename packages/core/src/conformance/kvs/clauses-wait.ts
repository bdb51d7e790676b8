import { strictEqual } from 'node:assert/strict'
import type { Clause } from './contract.js'
import { bytes, expectReason, expectValue, pending } from './expect.js'

const MANY = 10_000

export const waitClauses: readonly Clause[] = [
  {
    name: 'waits for a key that is there already',
    async run({ namespace, writer }) {
      const revision = await writer.put(namespace.name, 'key', bytes('value'))
      const entry = await namespace.waitFor('key')
      expectValue(entry, bytes('value'))
      strictEqual(entry.revision, revision)
      strictEqual(entry.key, 'key')
    },
  },
  {
    name: 'waits for a key that comes later',
    async run({ namespace, writer }) {
      const waiting = pending(namespace.waitFor('key'))
      // An answer to this comes after the store has the wait.
      await namespace.get('key')
      const revision = await writer.put(namespace.name, 'key', bytes('value'))
      const entry = await waiting
      expectValue(entry, bytes('value'))
      strictEqual(entry.revision, revision)
    },
  },
  {
    name: 'misses no put that races a wait',
    async run({ namespace, writer }) {
      for (let i = 0; i < 200; i++) {
        const key = `key ${i}`
        const [entry] = await Promise.all([namespace.waitFor(key), writer.put(namespace.name, key, bytes(key))])
        expectValue(entry, bytes(key))
      }
    },
  },
  {
    name: 'wakes 10,000 waiters for one key',
    async run({ namespace, writer, site }) {
      const { signal } = new AbortController()
      const waiting = pending(Array.from({ length: MANY }, () => namespace.waitFor('key', { signal })))
      await namespace.get('key')
      strictEqual(await site.waiters(), MANY)
      await writer.put(namespace.name, 'key', bytes('value'))
      for (const entry of await Promise.all(waiting)) expectValue(entry, bytes('value'))
      strictEqual(await site.waiters(), 0)
    },
  },
  {
    name: 'wakes 10,000 waiters for as many keys, each for its own',
    async run({ namespace, writer, site }) {
      const keys = Array.from({ length: MANY }, (_, i) => `key ${i}`)
      const waiting = pending(keys.map((key) => namespace.waitFor(key)))
      await namespace.get('key')
      strictEqual(await site.waiters(), MANY)
      await Promise.all(keys.map((key) => writer.put(namespace.name, key, bytes(key))))
      const entries = await Promise.all(waiting)
      for (const [i, entry] of entries.entries()) expectValue(entry, bytes(`key ${i}`))
      strictEqual(await site.waiters(), 0)
    },
  },
  {
    name: 'ends a wait with the reason of its signal, and keeps no waiter',
    async run({ namespace, site }) {
      const [one, all] = [new AbortController(), new AbortController()]
      const reason = { why: 'enough' }
      const alone = pending(namespace.waitFor('key', { signal: one.signal }))
      const together = pending(Array.from({ length: 100 }, () => namespace.waitFor('key', { signal: all.signal })))
      await namespace.get('key')
      strictEqual(await site.waiters(), 101)
      one.abort(reason)
      await expectReason(alone, reason)
      await namespace.get('key')
      strictEqual(await site.waiters(), 100)
      all.abort(reason)
      await Promise.all(together.map((each) => expectReason(each, reason)))
      await namespace.get('key')
      strictEqual(await site.waiters(), 0)
    },
  },
  {
    name: 'does nothing for a signal that has fired',
    async run({ namespace, client, site }) {
      const reason = new Error('before')
      const options = { signal: AbortSignal.abort(reason) }
      await expectReason(namespace.put('key', bytes('x'), options), reason)
      await expectReason(namespace.get('key', options), reason)
      await expectReason(namespace.waitFor('key', options), reason)
      await expectReason(namespace.delete('key', options), reason)
      await expectReason(namespace.list('', options).next(), reason)
      await expectReason(namespace.watch('', options).next(), reason)
      await expectReason(client.createNamespace('other', options), reason)
      await expectReason(client.listNamespaces(options), reason)
      await expectReason(client.removeNamespace(namespace.name, options), reason)
      await expectReason(client.register('key', bytes('x'), { ttl: 1000, ...options }), reason)
      strictEqual(await namespace.get('key'), undefined)
      strictEqual((await client.listNamespaces()).join(), namespace.name)
      strictEqual(await site.waiters(), 0)
    },
  },
]
