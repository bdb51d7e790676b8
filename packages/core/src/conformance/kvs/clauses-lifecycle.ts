import { strictEqual } from 'node:assert/strict'
import type { KvsClient } from '../../kvs/contract.js'
import type { Clause } from './contract.js'
import { bytes, expectCode, expectKeys, gather, pending } from './expect.js'

/** Every method that asks the store for something. */
const CALLS: Readonly<Record<string, (client: KvsClient) => Promise<unknown>>> = {
  get: (client) => client.namespace('conformance').get('absent'),
  put: (client) => client.namespace('conformance').put('key', bytes('x')),
  delete: (client) => client.namespace('conformance').delete('absent'),
  list: (client) => gather(client.namespace('conformance').list('')),
  createNamespace: (client) => client.createNamespace('other'),
  listNamespaces: (client) => client.listNamespaces(),
  removeNamespace: (client) => client.removeNamespace('other'),
  register: (client) => client.register('node', bytes('x'), { ttl: 60_000 }),
  'registry.get': (client) => client.registry.get('absent'),
  'registry.list': (client) => gather(client.registry.list('')),
}

/** Those that wait. */
const WAITS: Readonly<Record<string, (client: KvsClient) => Promise<unknown>>> = {
  waitFor: (client) => client.namespace('conformance').waitFor('absent'),
  watch: (client) => client.namespace('conformance').watch('absent').next(),
  'registry.waitFor': (client) => client.registry.waitFor('absent'),
  'registry.watch': (client) => client.registry.watch('absent').next(),
}

export const lifecycleClauses: readonly Clause[] = [
  {
    name: 'answers every method as the first one called',
    async run({ another }) {
      for (const ask of Object.values(CALLS)) {
        const client = await another()
        await ask(client)
        await client.close()
      }
    },
  },
  {
    name: 'closes without having been used, and twice',
    async run({ another }) {
      const client = await another()
      await Promise.all([client.close(), client.close()])
      await client.close()
      await client[Symbol.asyncDispose]()
    },
  },
  {
    name: 'ends everything that waits when it is closed',
    async run({ another, site }) {
      const client = await another()
      const ended = Object.values(WAITS).map((wait) => pending(expectCode(wait(client), 'ERR_DYAD_CLOSED')))
      await client.listNamespaces()
      await client.close()
      await Promise.all(ended)
      // A client of its own, since what the store holds is asked after it has seen the other go.
      await (await another()).listNamespaces()
      strictEqual(await site.waiters(), 0)
    },
  },
  {
    name: 'ends calls under way when it is closed, one way or the other',
    async run({ another }) {
      for (const ask of Object.values(CALLS)) {
        const client = await another()
        const asked = ask(client).catch((error) => expectCode(Promise.reject(error), 'ERR_DYAD_CLOSED'))
        await client.close()
        await asked
      }
    },
  },
  {
    name: 'refuses every method after it is closed',
    async run({ another, namespace }) {
      const client = await another()
      await client.listNamespaces()
      await client.close()
      for (const ask of [...Object.values(CALLS), ...Object.values(WAITS)]) {
        await expectCode(ask(client), 'ERR_DYAD_CLOSED')
      }
      expectKeys(await gather(namespace.list('')), [])
    },
  },
]
