import { ok, strictEqual } from 'node:assert/strict'
import type { Clause } from './contract.js'
import { bytes, expectKeys, expectReason, expectValue, gather, pending, take, takeUntil } from './expect.js'

export const streamClauses: readonly Clause[] = [
  {
    name: 'lists what begins with the prefix, and nothing else',
    async run({ namespace, writer }) {
      const keys = ['a', 'a/1', 'a/2', 'ab', 'b', 'b/a/', 'ä/1']
      for (const key of keys) await writer.put(namespace.name, key, bytes(key))
      expectKeys(await gather(namespace.list('')), keys)
      const listed = await gather(namespace.list('a/'))
      expectKeys(listed, ['a/1', 'a/2'])
      for (const entry of listed) expectValue(entry, bytes(entry.key))
      expectKeys(await gather(namespace.list('ä')), ['ä/1'])
      expectKeys(await gather(namespace.list('c')), [])
    },
  },
  {
    name: 'lists any number of entries, and stops when the reader does',
    async run({ namespace, writer }) {
      const keys = Array.from({ length: 2_000 }, (_, i) => `key/${i}`)
      await Promise.all(keys.map((key) => writer.put(namespace.name, key, bytes(key))))
      expectKeys(await gather(namespace.list('key/')), keys)
      for await (const entry of namespace.list('')) {
        ok(entry.key.startsWith('key/'))
        break
      }
      const big = new Uint8Array(700_000)
      for (let i = 0; i < 6; i++) await writer.put(namespace.name, `big/${i}`, big)
      strictEqual((await gather(namespace.list('big/'))).length, 6)
    },
  },
  {
    name: 'watches: what is there first, then what comes',
    async run({ namespace, writer }) {
      await writer.put(namespace.name, 'a/1', bytes('1'))
      await writer.put(namespace.name, 'b/1', bytes('no'))
      await writer.put(namespace.name, 'a/2', bytes('2'))
      const watch = namespace.watch('a/')
      expectKeys([await take(watch), await take(watch)], ['a/1', 'a/2'])
      const coming = pending(take(watch))
      await writer.put(namespace.name, 'b/2', bytes('no'))
      const revision = await writer.put(namespace.name, 'a/3', bytes('3'))
      const entry = await coming
      expectValue(entry, bytes('3'))
      strictEqual(entry.key, 'a/3')
      strictEqual(entry.revision, revision)
      await watch.return?.()
      strictEqual((await watch.next()).done, true)
    },
  },
  {
    name: 'watches what is written over',
    async run({ namespace, writer }) {
      const watch = namespace.watch('')
      for (let i = 0; i < 20; i++) {
        const coming = pending(take(watch))
        const revision = await writer.put(namespace.name, 'key', bytes(`${i}`))
        const entry = await coming
        expectValue(entry, bytes(`${i}`))
        strictEqual(entry.revision, revision)
      }
      await watch.return?.()
    },
  },
  {
    name: 'misses nothing while it watches',
    async run({ namespace, writer }) {
      const keys = Array.from({ length: 3_000 }, (_, i) => `key/${i}`)
      const watch = namespace.watch('')
      const missing = new Set(keys)
      const reading = pending(takeUntil(watch, ({ key }) => missing.delete(key) && missing.size === 0))
      for (let i = 0; i < keys.length; i += 100) {
        await Promise.all(keys.slice(i, i + 100).map((key) => writer.put(namespace.name, key, bytes(key))))
      }
      await reading
      await watch.return?.()
    },
  },
  {
    name: 'shows a slow reader the newest of each key',
    async run({ namespace, writer }) {
      const watch = namespace.watch('')
      await writer.put(namespace.name, 'first', bytes(''))
      await take(watch)
      const newest = new Map<number, string>()
      for (let i = 0; i < 500; i++) {
        const revision = await writer.put(namespace.name, `key/${i % 3}`, bytes(`${i}`))
        if (i >= 497) newest.set(revision, `${i}`)
      }
      await takeUntil(watch, ({ revision, value }) => {
        const expected = newest.get(revision)
        if (expected !== undefined) strictEqual(new TextDecoder().decode(value), expected)
        return newest.delete(revision) && newest.size === 0
      })
      await watch.return?.()
    },
  },
  {
    name: 'ends a list and a watch with the reason of their signal',
    async run({ namespace }) {
      const stop = new AbortController()
      const reason = { why: 'enough' }
      const watch = namespace.watch('', { signal: stop.signal })
      const watching = pending(watch.next())
      await namespace.put('key', bytes('x'))
      strictEqual((await watching).done, false)
      const next = pending(watch.next())
      const list = namespace.list('', { signal: stop.signal })
      strictEqual((await list.next()).done, false)
      stop.abort(reason)
      await expectReason(next, reason)
      strictEqual((await watch.next()).done, true)
    },
  },
  {
    name: 'ends a watch that waits when the reader returns',
    async run({ namespace }) {
      const watch = namespace.watch('')
      const next = pending(watch.next())
      await namespace.get('key')
      await watch.return?.()
      strictEqual((await next).done, true)
      strictEqual((await watch.next()).done, true)
    },
  },
]
