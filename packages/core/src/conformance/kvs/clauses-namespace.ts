import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict'
import { isDyadError } from '../../errors.js'
import type { Clause } from './contract.js'
import { bytes, expectCode, expectKeys, expectValue, gather, pending, take } from './expect.js'

export const namespaceClauses: readonly Clause[] = [
  {
    name: 'keeps namespaces apart',
    async run({ client, namespace, writer, site }) {
      await writer.createNamespace('other')
      const other = client.namespace('other')
      const stop = new AbortController()
      const waiting = other.waitFor('key', { signal: stop.signal }).catch(() => undefined)
      await writer.put(namespace.name, 'key', bytes('here'))
      strictEqual(await other.get('key'), undefined)
      expectKeys(await gather(other.list('')), [])
      strictEqual(await site.waiters(), 1, 'the wait in the other namespace goes on')
      await writer.put('other', 'key', bytes('there'))
      expectValue(await waiting, bytes('there'))
      expectValue(await namespace.get('key'), bytes('here'))
      await other.delete('key')
      expectValue(await namespace.get('key'), bytes('here'))
    },
  },
  {
    name: 'refuses a namespace that is missing, at once',
    async run({ client }) {
      const missing = client.namespace('missing')
      await expectCode(missing.put('key', bytes('x')), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(missing.get('key'), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(missing.waitFor('key'), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(missing.delete('key'), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(missing.list('').next(), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(missing.watch('').next(), 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(client.removeNamespace('missing'), 'ERR_DYAD_NAMESPACE_MISSING')
    },
  },
  {
    name: 'creates, lists and removes namespaces',
    async run({ client, namespace, writer }) {
      await writer.createNamespace('b')
      await writer.createNamespace('a')
      deepStrictEqual(await client.listNamespaces(), ['a', 'b', namespace.name])
      await expectCode(client.createNamespace('a'), 'ERR_DYAD_NAMESPACE_EXISTS')
      await writer.removeNamespace('a')
      deepStrictEqual(await client.listNamespaces(), ['b', namespace.name])
      for (const name of ['', '.a', 'a b', 'ä', 'a'.repeat(201)]) {
        await expectCode(client.createNamespace(name), 'ERR_DYAD_NAMESPACE_NAME')
        throws(
          () => client.namespace(name),
          (error) => isDyadError(error, 'ERR_DYAD_NAMESPACE_NAME'),
        )
      }
    },
  },
  {
    name: 'ends waits and watches when their namespace is removed',
    async run({ namespace, writer, site }) {
      const waiting = pending(namespace.waitFor('key'))
      const watch = namespace.watch('')
      const watching = pending(watch.next())
      await namespace.get('key')
      await writer.removeNamespace(namespace.name)
      await expectCode(waiting, 'ERR_DYAD_NAMESPACE_MISSING')
      await expectCode(watching, 'ERR_DYAD_NAMESPACE_MISSING')
      strictEqual((await watch.next()).done, true)
      strictEqual(await site.waiters(), 0)
    },
  },
  {
    name: 'begins a namespace created anew empty, with revisions that go on',
    async run({ client, namespace, writer }) {
      const before = await writer.put(namespace.name, 'key', bytes('old'))
      await client.removeNamespace(namespace.name)
      await client.createNamespace(namespace.name)
      strictEqual(await namespace.get('key'), undefined)
      expectKeys(await gather(namespace.list('')), [])
      const after = await writer.put(namespace.name, 'key', bytes('new'))
      ok(after > before, `${after} after ${before}`)
      const watch = namespace.watch('')
      expectValue(await take(watch), bytes('new'))
      await watch.return?.()
    },
  },
]
