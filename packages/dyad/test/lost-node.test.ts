import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { startBroker } from '@dyad-ts/kvs-client'
import { test } from 'tap'
import { storeOfOtherVersion } from '../../../test/harness/other-version.js'
import { start } from '../src/index.js'

test('a node whose store is followed by one of another version says so, and blames no other service', async (t) => {
  const root = mkdtempSync(`${tmpdir()}/dyad-lost-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  const broker = await startBroker()
  const kvs = broker.url()
  await using node = await start({ node: 'L', kvs, open: true, namespace: 'lost', stateDir: `${root}/state` })
  t.equal(node.status.lost, undefined)
  const lost = once(node.lost, 'abort')
  await broker.close()
  await using _other = await storeOfOtherVersion(broker.port)
  await lost
  t.match(node.lost.reason, { code: 'ERR_DYAD_PROTOCOL' })
  t.match(node.status.lost, /^the peer speaks another version/)
})
