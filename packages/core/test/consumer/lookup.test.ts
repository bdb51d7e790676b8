import { once } from 'node:events'
import { test } from 'tap'
import { waitForRecord } from '../../src/consumer/lookup.js'
import type { KvsNamespace, KvsOutage, Waiting } from '../../src/kvs/contract.js'

/** A store that has answered that a file is not published, and answers nothing more. */
const namespace = {
  name: 'test',
  get: async () => undefined,
  waitFor: async (_key: string, { signal }: Waiting) => {
    if (signal !== undefined) await once(signal, 'abort')
    throw signal?.reason
  },
} as unknown as KvsNamespace

test('a wait too short for a last question blames the store while that is away, else the producer', async (t) => {
  const away: KvsOutage = { address: 'ws://store:1', since: 0, why: new Error('refused') }
  const waiting = (outage: KvsOutage | undefined) => {
    const context = { namespace: () => namespace, key: (path: string) => path, outage: () => outage }
    return waitForRecord('x', context, { timeout: 50, signal: new AbortController().signal })
  }
  await t.rejects(waiting(away), {
    code: 'ERR_DYAD_KVS_UNREACHABLE',
    path: 'x',
    message: /the store ws:\/\/store:1 has been away since 1970-\S+: refused/,
  })
  await t.rejects(waiting(undefined), { code: 'ERR_DYAD_TIMEOUT', path: 'x' })
})
