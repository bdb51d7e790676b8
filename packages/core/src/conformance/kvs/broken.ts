import { setMaxListeners } from 'node:events'
import type {
  KvsCapabilities,
  KvsClient,
  KvsEntry,
  KvsNamespace,
  Lease,
  Registration,
  Waiting,
} from '../../kvs/contract.js'

/** A way to break a client that works, and the clause that must notice. */
export interface BrokenKvs {
  readonly fault: string
  readonly clause: string
  /** What it declares. @default what the client declares */
  readonly capabilities?: Partial<KvsCapabilities>
  /** The client with the fault. */
  breaks(client: KvsClient): KvsClient
}

type NamespaceFault = (namespace: KvsNamespace, client: KvsClient) => Partial<KvsNamespace>

/** The same object but for some of its members. */
function but<T extends object>(whole: T, changed: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      const source: object = Object.hasOwn(changed, name) ? changed : target
      const member: unknown = Reflect.get(source, name, source)
      return typeof member === 'function' ? member.bind(source) : member
    },
  })
}

function inNamespace(fault: NamespaceFault): (client: KvsClient) => KvsClient {
  return (client) =>
    but(client, {
      namespace(name) {
        const namespace = client.namespace(name)
        return but(namespace, fault(namespace, client))
      },
    })
}

/** Entries as another iteration gives them, changed or left out. */
function changed(
  entries: AsyncIterableIterator<KvsEntry>,
  change: (entry: KvsEntry) => KvsEntry | undefined,
): AsyncIterableIterator<KvsEntry> {
  const broken: AsyncIterableIterator<KvsEntry> = but(entries, {
    [Symbol.asyncIterator]: () => broken,
    async next() {
      for (;;) {
        const result = await entries.next()
        if (result.done) return result
        const value = change(result.value)
        if (value !== undefined) return { done: false, value }
      }
    },
  })
  return broken
}

/**
 * Clients that break one promise each, made from one that keeps them; the suite must reject every
 * one.
 */
export function brokenKvs(): BrokenKvs[] {
  const aliases = new Map<string, Uint8Array>()
  return [
    {
      fault: 'put resolves before it is visible',
      clause: 'is visible to everybody when put returns',
      breaks: inNamespace((namespace) => ({
        put(key, value) {
          const copy = value.slice()
          setTimeout(() => namespace.put(key, copy).catch(() => {}), 5)
          return Promise.resolve({ revision: Date.now() })
        },
      })),
    },
    {
      fault: 'get is stale',
      clause: 'reads what it wrote',
      breaks: inNamespace((namespace) => {
        const cache = new Map<string, KvsEntry>()
        return {
          async get(key, options) {
            const entry = cache.get(key) ?? (await namespace.get(key, options))
            if (entry !== undefined) cache.set(key, entry)
            return entry
          },
        }
      }),
    },
    {
      fault: 'waitFor sees only what comes later',
      clause: 'waits for a key that is there already',
      breaks: inNamespace((namespace) => ({
        async waitFor(key, options) {
          const there = await namespace.get(key, options)
          return there === undefined ? namespace.waitFor(key, options) : never(options)
        },
      })),
    },
    {
      fault: 'waitFor misses a put that races it',
      clause: 'misses no put that races a wait',
      breaks: inNamespace((namespace) => ({
        async waitFor(key, options) {
          const before = await namespace.get(key, options)
          if (before !== undefined) return before
          await new Promise((resolve) => setTimeout(resolve, 5))
          const between = await namespace.get(key, options)
          return between === undefined ? namespace.waitFor(key, options) : never(options)
        },
      })),
    },
    {
      fault: 'namespaces leak',
      clause: 'keeps namespaces apart',
      breaks: (client) => but(client, { namespace: () => client.namespace('conformance') }),
    },
    {
      fault: 'an abort is ignored',
      clause: 'ends a wait with the reason of its signal, and keeps no waiter',
      breaks: inNamespace((namespace) => ({ waitFor: (key) => namespace.waitFor(key) })),
    },
    {
      fault: 'an abort leaves the waiter',
      clause: 'ends a wait with the reason of its signal, and keeps no waiter',
      breaks: inNamespace((namespace) => ({
        waitFor: (key, options) => Promise.race([namespace.waitFor(key), never(options)]),
      })),
    },
    {
      fault: 'an abort rejects with an error of its own',
      clause: 'ends a wait with the reason of its signal, and keeps no waiter',
      breaks: inNamespace((namespace) => ({
        waitFor: (key, options) =>
          namespace.waitFor(key, options).catch((error) => {
            throw options?.signal?.aborted ? new Error('aborted') : error
          }),
      })),
    },
    {
      fault: "the caller's buffer is kept",
      clause: 'shares no memory with its callers',
      breaks: inNamespace((namespace) => ({
        put(key, value) {
          aliases.set(key, value)
          return namespace.put(key, value)
        },
        async get(key, options) {
          const entry = await namespace.get(key, options)
          return entry === undefined ? undefined : { ...entry, value: aliases.get(key) ?? entry.value }
        },
      })),
    },
    {
      fault: 'the revision stands still',
      clause: 'gives revisions that grow',
      breaks: inNamespace((namespace) => ({
        put: (key, value) => namespace.put(key, value).then(() => ({ revision: 1 })),
      })),
    },
    {
      fault: 'an epoch is lost where entries stream',
      clause: 'gives a record the same epoch however it is read',
      breaks: inNamespace((namespace) => ({
        watch: (prefix, options) => changed(namespace.watch(prefix, options), ({ epoch: _, ...entry }) => entry),
      })),
    },
    {
      fault: 'put and get name different epochs',
      clause: 'gives a record the same epoch however it is read',
      breaks: inNamespace((namespace) => ({
        put: async (key, value) => ({ ...(await namespace.put(key, value)), epoch: 'another' }),
      })),
    },
    {
      fault: 'list ignores its prefix',
      clause: 'lists what begins with the prefix, and nothing else',
      breaks: inNamespace((namespace) => ({ list: (_prefix, options) => namespace.list('', options) })),
    },
    {
      fault: 'list stops after a thousand',
      clause: 'lists any number of entries, and stops when the reader does',
      breaks: inNamespace((namespace) => ({
        list(prefix, options) {
          let left = 1_000
          return changed(namespace.list(prefix, options), (entry) => (left-- > 0 ? entry : undefined))
        },
      })),
    },
    {
      fault: 'watch misses what is written over',
      clause: 'watches what is written over',
      breaks: inNamespace((namespace) => ({
        watch(prefix, options) {
          const seen = new Set<string>()
          return changed(namespace.watch(prefix, options), (entry) => {
            if (seen.has(entry.key)) return undefined
            seen.add(entry.key)
            return entry
          })
        },
      })),
    },
    {
      fault: 'empty values are taken for absent ones',
      clause: 'keeps every byte, and no bytes at all',
      breaks: inNamespace((namespace) => ({
        async get(key, options) {
          const entry = await namespace.get(key, options)
          return entry?.value.length === 0 ? undefined : entry
        },
      })),
    },
    {
      fault: 'keys are normalized',
      clause: 'tells keys apart by their Unicode, unchanged',
      breaks: inNamespace((namespace) => ({
        put: (key, value) => namespace.put(key.normalize('NFC'), value),
        get: (key, options) => namespace.get(key.normalize('NFC'), options),
      })),
    },
    {
      fault: 'a missing namespace is made by writing to it',
      clause: 'refuses a namespace that is missing, at once',
      breaks: inNamespace((namespace, client) => ({
        async put(key, value) {
          await client.createNamespace(namespace.name).catch(() => {})
          return namespace.put(key, value)
        },
      })),
    },
    {
      fault: 'a key that is held is given away',
      clause: 'refuses a key that is held, whose holder keeps it',
      breaks: (client) =>
        but(client, { register: (key, value, options) => client.register(key, value, { ...options, takeover: true }) }),
    },
    {
      fault: 'a key is given to all that register at once',
      clause: 'gives a key to one of those that register at once',
      breaks: (client) =>
        but(client, { register: (key, value, options) => client.register(key, value, { ...options, takeover: true }) }),
    },
    {
      fault: 'nobody can take a key over',
      clause: 'takes a key over for who asks for it, and tells the former',
      breaks: (client) =>
        but(client, { register: (key, value, { ttl }) => client.register(key, value, { ttl, takeover: false }) }),
    },
    {
      fault: 'a key is taken from a holder that registered since the former one ended',
      clause: 'takes a key from the holder that has ended by its entry, and from no other',
      breaks: (client) =>
        but(client, {
          register: (key, value, options) =>
            client.register(key, value, { ...options, takeover: options.former !== undefined }),
        }),
    },
    {
      fault: 'a takeover goes unnoticed',
      clause: 'takes a key over for who asks for it, and tells the former',
      breaks: (client) =>
        but(client, {
          async register(key, value, options) {
            const registration = await client.register(key, value, options)
            return but<Registration>(registration, { lost: new AbortController().signal })
          },
        }),
    },
    {
      fault: 'a lease never expires',
      clause: 'drops a key whose owner died',
      capabilities: { leases: true },
      breaks: (client) => client,
    },
    {
      fault: 'a lease outlives the put of another',
      clause: 'leases an entry until another puts',
      breaks: inNamespace((namespace) => ({
        async lease(key, options) {
          const lease = await namespace.lease?.(key, options)
          return lease && but<Lease>(lease, { valid: true })
        },
      })),
    },
    {
      fault: 'a lease is never valid',
      clause: 'leases an entry until another puts',
      breaks: inNamespace((namespace) => ({
        async lease(key, options) {
          const lease = await namespace.lease?.(key, options)
          return lease && but<Lease>(lease, { valid: false })
        },
      })),
    },
    {
      fault: 'a lease does not wait',
      clause: 'gives no lease on what is not there, and waits when told to',
      breaks: inNamespace((namespace) => ({
        lease: (key) => namespace.lease?.(key) ?? Promise.resolve(undefined),
      })),
    },
    {
      fault: 'close leaves waits alone',
      clause: 'ends everything that waits when it is closed',
      breaks: (client) => but(client, { close: () => Promise.resolve() }),
    },
    {
      fault: 'it declares what it is not',
      clause: 'declares what it can do',
      breaks: (client) => but(client, { capabilities: { ...client.capabilities, durable: true } }),
    },
  ]
}

/** Waits for the signal alone. */
function never(options: Waiting | undefined): Promise<never> {
  if (options?.signal !== undefined) setMaxListeners(0, options.signal)
  return new Promise((_resolve, reject) => {
    options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true })
  })
}
