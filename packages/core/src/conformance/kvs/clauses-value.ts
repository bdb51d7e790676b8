import { ok, strictEqual } from 'node:assert/strict'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../../kvs/contract.js'
import type { Clause } from './contract.js'
import { bytes, expectCode, expectValue, gather, pending, take } from './expect.js'

const KEYS = ['a', ' ', 'a b/c.d', '\u0000', 'ä', 'a\u0308', '日本語', '😀', '\ufeffx', '__proto__', 'a\nb', '\uffff']

export const valueClauses: readonly Clause[] = [
  {
    name: 'reads what it wrote',
    async run({ namespace }) {
      strictEqual(await namespace.get('key'), undefined)
      for (let i = 0; i < 100; i++) {
        const { revision } = await namespace.put('key', bytes(`value ${i}`))
        const entry = await namespace.get('key')
        expectValue(entry, bytes(`value ${i}`))
        strictEqual(entry.key, 'key')
        strictEqual(entry.revision, revision)
      }
      strictEqual(await namespace.delete('key'), true)
      strictEqual(await namespace.get('key'), undefined)
      strictEqual(await namespace.delete('key'), false)
    },
  },
  {
    name: 'is visible to everybody when put returns',
    async run({ namespace, writer }) {
      for (let i = 0; i < 100; i++) {
        const revision = await writer.put(namespace.name, 'key', bytes(`${i}`))
        const entry = await namespace.get('key')
        expectValue(entry, bytes(`${i}`))
        strictEqual(entry.revision, revision)
      }
    },
  },
  {
    name: 'gives revisions that grow',
    async run({ namespace, writer }) {
      let last = 0
      for (let i = 0; i < 50; i++) {
        const revision =
          i % 2 === 0
            ? (await namespace.put('key', bytes('x'))).revision
            : await writer.put(namespace.name, 'key', bytes('x'))
        ok(Number.isSafeInteger(revision), 'an integer')
        ok(revision > last, `${revision} after ${last}`)
        last = revision
      }
      await namespace.delete('key')
      ok((await namespace.put('key', bytes('x'))).revision > last, 'over a delete')
    },
  },
  {
    name: 'gives a record the same epoch however it is read',
    async run({ namespace, another }) {
      const other = (await another()).namespace(namespace.name)
      const waiting = pending(other.waitFor('key'))
      const watch = other.watch('')
      const watching = pending(take(watch))
      const { revision, epoch } = await namespace.put('key', bytes('x'))
      ok(epoch === undefined || /^[\w-]{1,16}$/.test(epoch), epoch)
      const [listed] = await gather(other.list(''))
      const leased = (await other.lease?.('key'))?.entry
      const entries = [await other.get('key'), await waiting, await watching, listed, await other.waitFor('key')]
      for (const entry of leased === undefined ? entries : [...entries, leased]) {
        strictEqual(entry?.revision, revision)
        strictEqual(entry?.epoch, epoch)
      }
      strictEqual((await other.put('another', bytes('x'))).epoch, epoch, 'the store did not start meanwhile')
      await watch.return?.()
    },
  },
  {
    name: 'keeps every byte, and no bytes at all',
    async run({ namespace, writer }) {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      await writer.put(namespace.name, 'all', all)
      await writer.put(namespace.name, 'none', new Uint8Array(0))
      expectValue(await namespace.get('all'), all)
      expectValue(await namespace.get('none'), new Uint8Array(0))
      expectValue(await namespace.waitFor('none'), new Uint8Array(0))
    },
  },
  {
    name: 'takes keys and values up to their bounds, and none beyond',
    async run({ namespace, writer }) {
      const value = new Uint8Array(MAX_VALUE_BYTES).map((_, i) => (i * 31) % 251)
      const key = 'ä'.repeat(MAX_KEY_BYTES / 2)
      await writer.put(namespace.name, key, value)
      expectValue(await namespace.get(key), value)
      const keys = []
      for await (const entry of namespace.list(key)) keys.push(entry.key)
      strictEqual(keys.join(), key)
      const long = `${key}x`
      for (const bad of ['', long, '\ud800']) {
        await expectCode(namespace.put(bad, value), 'ERR_DYAD_KEY')
        await expectCode(namespace.get(bad), 'ERR_DYAD_KEY')
        await expectCode(namespace.waitFor(bad), 'ERR_DYAD_KEY')
        await expectCode(namespace.delete(bad), 'ERR_DYAD_KEY')
      }
      await expectCode(namespace.list(long).next(), 'ERR_DYAD_KEY')
      await expectCode(namespace.watch(long).next(), 'ERR_DYAD_KEY')
      await expectCode(namespace.put('key', new Uint8Array(MAX_VALUE_BYTES + 1)), 'ERR_DYAD_KEY')
      strictEqual(await namespace.get('key'), undefined)
    },
  },
  {
    name: 'tells keys apart by their Unicode, unchanged',
    async run({ namespace, writer }) {
      for (const key of KEYS) await writer.put(namespace.name, key, bytes(key))
      for (const key of KEYS) expectValue(await namespace.get(key), bytes(key))
      const listed = []
      for await (const { key } of namespace.list('')) listed.push(key)
      strictEqual(listed.sort().join('|'), [...KEYS].sort().join('|'))
    },
  },
  {
    name: 'shares no memory with its callers',
    async run({ namespace }) {
      const mine = bytes('before')
      const put = namespace.put('key', mine)
      mine.fill(0)
      await put
      mine.fill(1)
      const entry = await namespace.get('key')
      expectValue(entry, bytes('before'))
      entry.value.fill(2)
      expectValue(await namespace.get('key'), bytes('before'))
      expectValue(await namespace.waitFor('key'), bytes('before'))
    },
  },
]
