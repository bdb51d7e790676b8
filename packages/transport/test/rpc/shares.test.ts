import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { type FileSource, ManagedSource } from '@dyad-ts/core'
import { withDescriptors } from '@dyad-ts/core/internal'
import { decode, encode } from '@dyad-ts/wire'
import { test } from 'tap'
import { shakeHands } from '../../../../test/harness/raw-link.js'
import { rpcTransport } from '../../src/index.js'
import { SendBuffers } from '../../src/rpc/send-buffers.js'
import { serveRpc } from '../../src/rpc/server.js'
import { fetchOf, RawClient, serveFile } from '../support/served.js'

/** Most transfers of one link that are served at once. */
const EACH = 256

/** Fetches the file with a proper client, which is served although others are not. */
async function fetchWhole(address: string, version: Parameters<typeof fetchOf>[0]): Promise<number> {
  await using transport = rpcTransport()
  let received = 0
  for await (const chunk of await transport.fetch(address, version)) received += chunk.length
  return received
}

test('links that give no more credit keep no others waiting', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  await using one = await RawClient.open(served.url)
  await using other = await RawClient.open(served.url)
  await using third = await RawClient.open(served.url)
  const clients = [one, other, third]
  for (let id = 0; id < EACH; id++) {
    for (const client of clients) client.send(fetchOf(served.version, { id, chunk: 1024, credit: 1 }))
  }
  // The link's hello, and `opened` and a chunk for each transfer.
  for (const client of clients) for (let n = 0; n < 2 * EACH; n++) await client.next()
  t.equal(await fetchWhole(served.server.address, served.version), served.version.size)
  // The server accepts credit that comes late.
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

/** Counts the files that are open at a source, and the most at once. */
class Counts {
  open = 0
  most = 0

  of(source: FileSource): FileSource {
    return {
      directories: source.directories,
      open: async (request) => {
        const file = await source.open(request)
        this.most = Math.max(this.most, ++this.open)
        const close = async () => {
          this.open--
          await file.close()
        }
        return {
          read: (into: Uint8Array, position: number) => file.read(into, position),
          verify: () => file.verify(),
          close,
          [Symbol.asyncDispose]: close,
        }
      },
    }
  }
}

test('the transfers and the open files of one link are bounded', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const counts = new Counts()
  const source = counts.of(await ManagedSource.open([served.storage]))
  await using server = await serveRpc(source, { chunkBytes: 65_536 })
  await using client = await RawClient.open(JSON.parse(server.address).url)
  const replies = { opened: 0, error: 0, data: 0 }
  const hear = async (what: keyof typeof replies, count: number) => {
    while (replies[what] < count) {
      const bytes = await client.next()
      if (bytes === undefined) throw new Error('the server hung up')
      if (bytes[0] === 0xc1) {
        replies.data++
        continue
      }
      const { op } = decode(bytes) as { op: 'opened' | 'error' }
      replies[op]++
    }
  }
  for (let id = 0; id < 4_100; id++) client.send(fetchOf(served.version, { id, chunk: 1024, credit: 1 }))
  await hear('data', EACH)
  // The answer comes after those to all earlier requests.
  client.send({ op: 'cancel', id: 0 })
  await hear('data', EACH + 1)
  t.strictSame(replies, { opened: EACH + 1, error: 4 + 1, data: EACH + 1 })
  for (let id = 1; id < 10; id++) client.send({ op: 'cancel', id })
  await hear('data', EACH + 10)
  t.strictSame(replies, { opened: EACH + 10, error: 4 + 10, data: EACH + 10 }, 'the end of each makes room')
  t.equal(counts.most, EACH)
  client.send({ op: 'credit', id: 20, chunks: 1 })
  await hear('data', EACH + 11)
})

test('a client that reads nothing has the owner read no more than there are buffers for it', async (t) => {
  const few = new SendBuffers(1024 * 1024)
  const taken = Array.from({ length: 5 }, () => few.tryAcquire())
  t.equal(taken.filter((buffer) => buffer !== undefined).length, 4, '4 MiB of them')
  const [first] = taken
  if (first !== undefined) few.release(first)
  t.equal(few.tryAcquire(), first)
  t.equal(few.tryAcquire(), undefined)
  const small = new SendBuffers(1024)
  t.equal(Array.from({ length: 20 }, () => small.tryAcquire()).filter(Boolean).length, 16)
})

test('a server closes although a client in mid-transfer neither reads nor hangs up', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const counts = new Counts()
  const server = await serveRpc(counts.of(await ManagedSource.open([served.storage])), { chunkBytes: 65_536 })
  const { url } = JSON.parse(server.address) as { url: string }
  const socket = connectSocket({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  await shakeHands(socket, undefined, url)
  const frame = encode(fetchOf(served.version, { id: 0, chunk: 1024, credit: 1 }))
  // The mask is zero.
  socket.write(Buffer.concat([Buffer.from([0x82, 0xfe, frame.length >> 8, frame.length & 0xff, 0, 0, 0, 0]), frame]))
  await once(socket, 'data')
  socket.pause()
  await server.close()
  t.equal(counts.open, 0)
  socket.destroy()
})
