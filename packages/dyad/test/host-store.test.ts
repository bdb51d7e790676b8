import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@dyad-ts/core'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { test } from 'tap'
import { hostStore } from '../src/host-store.js'

test('sessions beside a store need no socket, if they name that store and its token', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'dyad-store-'))
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }))
  const config = readConfig({ kvs: 'ws://127.0.0.1:0', token: 'theirs', namespace: 'n', stateDir }, {})
  await using store = await hostStore({ ...config, advertise: 'localhost' })
  const { links } = store.status

  for (const kvs of [store.url, `${store.url}/`, store.reachableUrl]) {
    await using here = store.clientFor({ ...config, kvs })
    t.equal(here?.id, kvs, 'as a client elsewhere')
    await here?.namespace('n').put('key', Buffer.from(kvs))
    await using elsewhere = brokerKvs({ url: store.url, token: config.token })
    t.equal(String((await elsewhere.namespace('n').get('key'))?.value), kvs, 'both see the same')
  }
  t.equal(store.reachableUrl, `ws://localhost:${store.port}`)
  t.equal(store.clientFor({ ...config, kvs: store.url, token: 'another' }), undefined)
  t.equal(store.clientFor({ ...config, kvs: store.url, token: undefined }), undefined)
  t.equal(store.clientFor({ ...config, kvs: `ws://127.0.0.1:${store.port + 1}` }), undefined)
  t.equal(store.clientFor({ ...config, kvs: `ws://127.0.0.2:${store.port}` }), undefined)
  t.equal(links, 0)
})
