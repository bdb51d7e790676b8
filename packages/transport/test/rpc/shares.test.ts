import { ManagedSource, withDescriptors } from '@dyad/core'
import { decode } from '@dyad/wire'
import { test } from 'tap'
import { rpcTransport } from '../../src/index.js'
import { serveRpc } from '../../src/rpc/server.js'
import { fetchOf, RawClient, serveFile } from '../support/served.js'

/** Transfers of one link that are served at once. */
const EACH = 256

/** A proper client is served although others are not. */
async function fetchWhole(address: string, version: Parameters<typeof fetchOf>[0]): Promise<number> {
  await using transport = rpcTransport()
  let received = 0
  for await (const chunk of await transport.fetch(address, version)) received += chunk.length
  return received
}

test('links that give no more credit keep nobody else waiting', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  await using one = await RawClient.open(served.url)
  await using other = await RawClient.open(served.url)
  await using third = await RawClient.open(served.url)
  const clients = [one, other, third]
  for (let id = 0; id < EACH; id++) {
    for (const client of clients) client.send(fetchOf(served.version, { id, chunk: 1024, credit: 1 }))
  }
  // A hello of the link, and of each transfer `opened` and a chunk.
  for (const client of clients) for (let n = 0; n < 2 * EACH; n++) await client.next()
  t.equal(await fetchWhole(served.server.address, served.version), served.version.size)
  // Credit given late is honoured.
  one.send({ op: 'credit', id: 5, chunks: 1 })
  t.equal((await one.next())?.readUInt32BE(1), 5)
})

test('a transfer that gets no more credit gives its descriptor up where others need one', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const source = await ManagedSource.open([served.storage])
  await using server = await serveRpc(source, { chunkBytes: 65_536, patienceMs: 50 })
  await using client = await RawClient.open(JSON.parse(server.address).url)
  client.send(fetchOf(served.version, { id: 0, chunk: 1024, credit: 1 }))
  for (let n = 0; n < 2; n++) await client.next()
  let isClosed = false
  const closed = client.next().then((bytes) => {
    isClosed = true
    return bytes
  })
  const shortage = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  await withDescriptors(() => {
    if (!isClosed) throw shortage
  })
  t.match(decode((await closed) ?? Buffer.alloc(0)), { op: 'error', id: 0, code: 'ERR_DYAD_TRANSFER' })
})
