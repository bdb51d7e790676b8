import { test } from 'tap'
import type { KvsClient } from '../../src/kvs/contract.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { Copies } from '../../src/transfer/copies.js'

/** The key under which a session queues up for a copy. */
async function keyFor(record: FileRecord, namespace: string): Promise<string> {
  let asked = ''
  const register = async (key: string) => {
    asked = key
    return { close: async () => {}, lost: new AbortController().signal }
  }
  const copies = new Copies({
    kvs: { register } as unknown as KvsClient,
    namespace,
    key: (path) => path,
    node: 'n',
    storage: '/c',
    leaseTtl: 1_000,
    patience: 1_000,
  })
  await copies.want(record, new AbortController().signal)
  await copies.close()
  return asked
}

test('copies are of one publish alone, also where a store gives its number again', async (t) => {
  const record: FileRecord = {
    path: 'x',
    owner: 'o',
    size: 2 ** 21,
    mtimeNs: 1n,
    mode: 0o644,
    storage: '/p',
    generation: 1,
    epoch: 'one',
  }
  const key = await keyFor(record, 'ns')
  t.match(key, /copy/)
  t.equal(await keyFor({ ...record, owner: 'other' }, 'ns'), key)
  const others: Record<string, FileRecord> = {
    epoch: { ...record, epoch: 'two' },
    generation: { ...record, generation: 2 },
    path: { ...record, path: 'y' },
  }
  for (const [what, other] of Object.entries(others)) t.not(await keyFor(other, 'ns'), key, what)
  t.not(await keyFor(record, 'other'), key, 'namespace')
})
