import { writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DyadError, type FetchRequest, type FileSource, type Transfer, type Transport } from '@dyad-ts/core'
import { transportConformance, unavailableConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { rpcTransport } from '../src/index.js'

// Each double breaks one promise of the contract. The suite must reject it, by the clause for that
// promise.

type Chunks = AsyncIterable<Uint8Array>
type Fetch = Transport['fetch']

/** Returns a transport that differs from rpc by `broken`. */
function double(broken: {
  fetch?: (inner: Transport) => Fetch
  source?: (source: FileSource) => FileSource
  obstacle?: Transport['obstacle']
}): () => Transport {
  return () => {
    const inner = rpcTransport()
    return {
      name: 'double',
      serve: (source) => inner.serve(broken.source?.(source) ?? source),
      obstacle: broken.obstacle ?? ((...args) => inner.obstacle(...args)),
      fetch: broken.fetch?.(inner) ?? ((...args) => inner.fetch(...args)),
      close: () => inner.close(),
      [Symbol.asyncDispose]: () => inner.close(),
    }
  }
}

/** Returns a double that hands over other chunks than it receives. */
function chunks(change: (chunks: Transfer, request: FetchRequest) => Chunks): () => Transport {
  return double({
    fetch: (inner) => async (address, request, options) => {
      const transfer = await inner.fetch(address, request, options)
      return {
        size: transfer.size,
        [Symbol.asyncIterator]: () =>
          change(transfer, request)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>,
        close: () => transfer.close(),
        [Symbol.asyncDispose]: () => transfer.close(),
      }
    },
  })
}

/**
 * Returns a double that receives into a file by itself, and calls `put` in place of writing a
 * chunk.
 */
function inPlace(put: (fd: number, chunk: Uint8Array, position: number) => void, verifies = true): () => Transport {
  return double({
    fetch: (inner) => async (address, request, options) => {
      const transfer = await inner.fetch(address, request, options)
      const receive = async function* (fd: number, position: number) {
        let at = position
        try {
          for await (const chunk of transfer) {
            put(fd, chunk, at)
            at += chunk.length
            yield chunk.length
          }
        } catch (error) {
          if (verifies) throw error
          yield position + transfer.size - at
        }
      }
      return Object.assign(transfer, { receiveInto: receive })
    },
  })
}

const writeIt = (fd: number, chunk: Uint8Array, position: number) => void writeSync(fd, chunk, 0, undefined, position)

const shared = Buffer.alloc(4 * 1024 * 1024)

const doubles: { flaw: string; clause: string; create: () => Transport }[] = [
  { flaw: 'tells of bytes that are not in the file', clause: 'receiveInto, where offered', create: inPlace(() => {}) },
  {
    flaw: 'receives where it was not told to',
    clause: 'receiveInto, where offered',
    create: inPlace((fd, chunk, position) => writeIt(fd, chunk, position - 5)),
  },
  {
    flaw: 'tells of bytes that the owner has not verified',
    clause: 'receiveInto, where offered',
    create: inPlace(writeIt, false),
  },
  {
    flaw: 'cuts the last byte off',
    clause: 'one byte',
    create: chunks(async function* (transfer) {
      let received = 0
      for await (const chunk of transfer) {
        received += chunk.length
        const cut = received === transfer.size ? chunk.subarray(0, -1) : chunk
        if (cut.length > 0) yield cut
      }
    }),
  },
  {
    flaw: 'hands over an empty chunk at the edges',
    clause: 'sizes around the edges of chunks',
    create: chunks(async function* (transfer) {
      let at = 0
      for await (const chunk of transfer) {
        yield chunk
        at += chunk.length
        if (at % (512 * 1024) === 0) yield new Uint8Array(0)
      }
    }),
  },
  {
    flaw: 'ignores the range',
    clause: 'ranges',
    create: double({
      fetch:
        (inner) =>
        (address, { start: _start, end: _end, ...whole }, options) =>
          inner.fetch(address, whole, options),
    }),
  },
  {
    flaw: 'takes positions modulo 4 GiB',
    clause: 'a range beyond 4 GiB',
    create: double({
      source: (source) => ({
        directories: source.directories,
        async open(version) {
          const file = await source.open(version)
          return {
            read: (buffer, position) => file.read(buffer, position >>> 0),
            verify: () => file.verify(),
            close: () => file.close(),
            [Symbol.asyncDispose]: () => file.close(),
          }
        },
      }),
    }),
  },
  {
    flaw: 'uses one buffer for all transfers',
    clause: 'chunk memory belongs to the reader until it asks for the next',
    create: chunks(async function* (transfer) {
      for await (const chunk of transfer) {
        shared.set(chunk)
        yield shared.subarray(0, chunk.length)
      }
    }),
  },
  {
    flaw: 'mixes up concurrent transfers',
    clause: 'many transfers at once',
    create: double({
      fetch: (inner) => {
        let last: FetchRequest | undefined
        return (address, request, options) => {
          const mixed = last !== undefined && last.path !== request.path ? last : request
          last = request
          return inner.fetch(address, mixed, options)
        }
      },
    }),
  },
  {
    flaw: 'hands the last chunk over without verifying',
    clause: 'the last chunk comes only after the owner verified the file',
    create: double({
      source: (source) => ({
        directories: source.directories,
        async open(version) {
          const file = await source.open(version)
          return {
            read: (buffer, position) => file.read(buffer, position),
            verify: async () => {},
            close: () => file.close(),
            [Symbol.asyncDispose]: () => file.close(),
          }
        },
      }),
    }),
  },
  {
    flaw: 'hands the last chunk over before it verifies',
    clause: 'the last chunk comes only after the owner verified the file',
    create: chunks(async function* (transfer, request) {
      let received = 0
      try {
        for await (const chunk of transfer) {
          received += chunk.length
          yield chunk
        }
      } catch (error) {
        const missing = (request.end ?? request.size) - (request.start ?? 0) - received
        if (missing > 0) yield new Uint8Array(Math.min(missing, shared.length))
        throw error
      }
    }),
  },
  {
    flaw: 'serves whatever version is there',
    clause: 'another version than asked for',
    create: double({
      source: (source) => ({
        directories: source.directories,
        async open(version) {
          const { size, mtimeNs } = await stat(`${version.storage}/${version.path}`, { bigint: true })
          return source.open({ ...version, size: Number(size), mtimeNs })
        },
      }),
    }),
  },
  {
    flaw: 'sees no change while it reads',
    clause: 'a file rewritten in place before its first byte is read',
    create: double({
      source: (source) => ({
        directories: source.directories,
        async open(version) {
          const file = await source.open(version)
          return {
            read: (buffer, position) => file.read(buffer, position),
            verify: async () => {},
            close: () => file.close(),
            [Symbol.asyncDispose]: () => file.close(),
          }
        },
      }),
    }),
  },
  {
    flaw: 'normalizes what it should refuse',
    clause: 'escapes from the managed directory',
    create: double({
      fetch: (inner) => (address, request, options) =>
        inner.fetch(address, { ...request, path: request.path.replaceAll('/./', '/') }, options),
    }),
  },
  {
    flaw: 'sees no obstacle anywhere',
    clause: 'an address that is none',
    create: double({ obstacle: async () => undefined }),
  },
  {
    flaw: 'sees an obstacle everywhere',
    clause: 'an address that is none',
    create: double({ obstacle: async () => 'it is never of use' }),
  },
  {
    flaw: 'says nothing of an obstacle',
    clause: 'an address that is none',
    create: double({ obstacle: async (address) => (address.includes('ws:') ? undefined : '') }),
  },
  {
    flaw: 'ignores aborts',
    clause: 'an abort midway',
    create: double({ fetch: (inner) => (address, request) => inner.fetch(address, request) }),
  },
  {
    flaw: 'wraps the reason of an abort',
    clause: 'an abort before the start',
    create: double({
      fetch:
        (inner) =>
        (...args) =>
          inner.fetch(...args).catch((cause) => {
            throw new Error('fetch failed', { cause })
          }),
    }),
  },
  {
    flaw: 'leaves its listener on the signal',
    clause: 'no listener stays on the signal',
    create: double({
      fetch: (inner) => (address, request, options) => {
        options?.signal?.addEventListener('abort', () => {})
        return inner.fetch(address, request, options)
      },
    }),
  },
  {
    flaw: 'goes on after an early return',
    clause: 'an early return ends the transfer at the owner',
    create: chunks((transfer) => {
      const inner = transfer[Symbol.asyncIterator]()
      return { [Symbol.asyncIterator]: () => ({ next: () => inner.next() }) }
    }),
  },
  {
    flaw: 'reads the whole file ahead',
    clause: 'a slow reader stops the owner, and nobody else',
    create: chunks(async function* (transfer) {
      const all: Uint8Array[] = []
      for await (const chunk of transfer) all.push(chunk)
      yield* all
    }),
  },
  {
    flaw: 'takes the death of the owner for the end of the file',
    clause: 'the owner dies midway',
    create: chunks(async function* (transfer) {
      try {
        for await (const chunk of transfer) yield chunk
      } catch {
        // as if it had ended
      }
    }),
  },
  {
    flaw: 'fetches after it was closed',
    clause: 'closing the transport ends its transfers, and no others',
    create: double({
      fetch: (inner) => async (address, request, options) => {
        try {
          return await inner.fetch(address, request, options)
        } catch {
          return rpcTransport().fetch(address, request, options)
        }
      },
    }),
  },
]

test('the suite accepts one that receives into a file by itself', async (t) => {
  const bodies = new Map<string, () => Promise<void>>()
  const options = { create: inPlace(writeIt), peer: new URL('./peers/rpc.ts', import.meta.url) }
  transportConformance((name, body) => bodies.set(name, body), options)
  await t.resolves(bodies.get('in one process: receiveInto, where offered')?.() ?? Promise.reject())
})

for (const { flaw, clause, create } of doubles) {
  test(`the suite rejects a transport that ${flaw}`, async (t) => {
    const bodies = new Map<string, () => Promise<void>>()
    const options = { create, peer: new URL('./peers/rpc.ts', import.meta.url), patience: 3_000 }
    transportConformance((name, body) => bodies.set(name, body), options)
    const body = bodies.get(`in one process: ${clause}`)
    t.ok(body, 'there is such a clause')
    await t.rejects(body?.() ?? Promise.resolve(), { message: /./ })
  })
}

const none = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })

/** Returns a transport that the host cannot use, changed by `broken`. */
function unavailable(broken: Partial<Transport> = {}): () => Transport {
  const close = async () => {}
  return () =>
    Object.defineProperties(
      {
        name: 'unavailable',
        unavailable: none,
        serve: () => Promise.reject(none),
        obstacle: async () => undefined,
        fetch: () => Promise.reject(none),
        close,
        [Symbol.asyncDispose]: close,
      },
      Object.getOwnPropertyDescriptors(broken),
    )
}

unavailableConformance(test, { create: unavailable() })

for (const { flaw, clause, create } of [
  { flaw: 'can be used', clause: 'it says why', create: () => rpcTransport() },
  {
    flaw: 'does not say why it cannot be used',
    clause: 'it says why',
    create: unavailable({ unavailable: new DyadError('ERR_DYAD_RDMA_UNAVAILABLE') }),
  },
  {
    flaw: 'fails to serve with something else than it says',
    clause: 'serve and fetch reject with the same',
    create: unavailable({ serve: () => Promise.reject(new DyadError('ERR_DYAD_BIND')) }),
  },
  {
    flaw: 'looks at the address first',
    clause: 'serve and fetch reject with the same',
    create: unavailable({ fetch: () => Promise.reject(new DyadError('ERR_DYAD_PROTOCOL')) }),
  },
]) {
  test(`the suite for what cannot be used rejects a transport that ${flaw}`, async (t) => {
    const bodies = new Map<string, () => Promise<void>>()
    unavailableConformance((name, body) => bodies.set(name, body), { create })
    await t.rejects(bodies.get(`where it cannot be used: ${clause}`)?.() ?? Promise.resolve(), { message: /./ })
  })
}
