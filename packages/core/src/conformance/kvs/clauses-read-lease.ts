import { ok, strictEqual } from 'node:assert/strict'
import type { KvsNamespace, Lease, LeaseOptions } from '../../kvs/contract.js'
import type { Clause } from './contract.js'
import { bytes, expectCode, expectReason, expectValue, pending } from './expect.js'

/** A lease on an entry that is there. */
async function take(namespace: KvsNamespace, key: string, options?: LeaseOptions): Promise<Lease> {
  ok(namespace.lease, 'a store that declares leases gives them')
  const lease = await namespace.lease(key, options)
  ok(lease, 'there is an entry')
  return lease
}

export const readLeaseClauses: readonly Clause[] = [
  {
    name: 'leases an entry until another puts',
    needs: 'readLeases',
    async run({ namespace, writer }) {
      for (let i = 0; i < 50; i++) {
        const revision = await writer.put(namespace.name, 'key', bytes(`${i}`))
        using lease = await take(namespace, 'key')
        expectValue(lease.entry, bytes(`${i}`))
        strictEqual(lease.entry.revision, revision)
        strictEqual(lease.valid, true)
        await writer.put(namespace.name, 'other', bytes('x'))
        strictEqual(lease.valid, true, 'another key is none of its business')
        await writer.put(namespace.name, 'key', bytes('new'))
        strictEqual(lease.valid, false)
        expectValue(await namespace.get('key'), bytes('new'))
      }
    },
  },
  {
    name: 'leases an entry until its own client puts or deletes',
    needs: 'readLeases',
    async run({ namespace }) {
      await namespace.put('key', bytes('a'))
      const first = await take(namespace, 'key')
      await namespace.put('key', bytes('b'))
      strictEqual(first.valid, false)
      const second = await take(namespace, 'key')
      expectValue(second.entry, bytes('b'))
      await namespace.delete('key')
      strictEqual(second.valid, false)
      const racing = pending(take(namespace, 'other', { wait: true }))
      await namespace.put('other', bytes('c'))
      const third = await racing
      expectValue(third.entry, bytes('c'))
      strictEqual(third.valid, false, 'it was asked for before the put, and this client knows that it put')
    },
  },
  {
    name: 'leases an entry until another deletes it, or removes its namespace',
    needs: 'readLeases',
    async run({ namespace, writer, another }) {
      await namespace.put('key', bytes('a'))
      const other = await another()
      const first = await take(namespace, 'key')
      await other.namespace(namespace.name).delete('key')
      strictEqual(first.valid, false)
      await namespace.put('key', bytes('b'))
      const second = await take(namespace, 'key')
      await writer.removeNamespace(namespace.name)
      strictEqual(second.valid, false)
      await writer.createNamespace(namespace.name)
      strictEqual(await namespace.lease?.('key'), undefined)
    },
  },
  {
    name: 'gives no lease on what is not there, and waits when told to',
    needs: 'readLeases',
    async run({ namespace, writer, site }) {
      strictEqual(await namespace.lease?.('key'), undefined)
      const coming = pending(take(namespace, 'key', { wait: true }))
      const stop = new AbortController()
      const reason = { why: 'enough' }
      const stopped = pending(take(namespace, 'never', { wait: true, signal: stop.signal }))
      await namespace.get('key')
      strictEqual(await site.waiters(), 2)
      await writer.put(namespace.name, 'key', bytes('a'))
      expectValue((await coming).entry, bytes('a'))
      stop.abort(reason)
      await expectReason(stopped, reason)
      await namespace.get('key')
      strictEqual(await site.waiters(), 0)
      await expectCode(take(namespace, ''), 'ERR_DYAD_KEY')
    },
  },
  {
    name: 'holds nobody up for a lease that was disposed, or whose client is closed',
    needs: 'readLeases',
    async run({ namespace, writer, another }) {
      await writer.put(namespace.name, 'key', bytes('a'))
      const disposed = await take(namespace, 'key')
      disposed[Symbol.dispose]()
      disposed[Symbol.dispose]()
      strictEqual(disposed.valid, false)
      const other = await another()
      const closed = await take(other.namespace(namespace.name), 'key')
      await other.close()
      strictEqual(closed.valid, false)
      await writer.put(namespace.name, 'key', bytes('b'))
      expectValue(await namespace.get('key'), bytes('b'))
    },
  },
  {
    name: 'holds a put back for a holder that hangs, and for no longer than it may trust its lease',
    needs: 'readLeases',
    async run({ namespace, site }) {
      if (site.fork === undefined) return
      const { writerElsewhere } = await import('./peer.js')
      const holder = writerElsewhere(site.fork())
      try {
        await namespace.put('key', bytes('a'))
        strictEqual(await holder.lease(namespace.name, 'key'), true)
        holder.hang()
        const putting = pending(namespace.put('key', bytes('b')))
        const held = namespace.get('key')
        const free = namespace.put('other', bytes('x'))
        expectValue(await held, bytes('a'))
        await free
        await putting
        expectValue(await namespace.get('key'), bytes('b'))
        holder.goOn()
        strictEqual(await holder.leased(), false)
      } finally {
        holder.goOn()
        await holder.close()
      }
    },
  },
  {
    name: 'takes leases for lost with the store that gave them, and still serves nothing stale',
    needs: 'readLeases',
    async run({ namespace, site, writer, capabilities }) {
      if (!capabilities.durable || site.restart === undefined) return
      await writer.put(namespace.name, 'key', bytes('a'))
      const lease = await take(namespace, 'key')
      await site.restart()
      // Nobody but its holders knows of it now, and one might hang.
      const putting = pending(namespace.put('key', bytes('b')))
      const seen = namespace.get('key')
      expectValue(await seen, bytes('a'))
      strictEqual(lease.valid, false)
      await putting
      expectValue(await namespace.get('key'), bytes('b'))
    },
  },
]
