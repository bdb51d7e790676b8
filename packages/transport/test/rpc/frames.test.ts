import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { decode, encode } from '@dyad-ts/wire'
import { test } from 'tap'
import { rpcTransport } from '../../src/index.js'
import { fetchOf, RawClient, type Served, serveFile } from '../support/served.js'

type Reply = { op: string; id: number; code?: string }

const reply = (bytes: Buffer | undefined) => decode(bytes ?? Buffer.alloc(0)) as Reply

/** Fetches the file with a proper client, which is served although others are not. */
async function fetchWhole({ server, version }: Served): Promise<number> {
  await using transport = rpcTransport()
  let received = 0
  for await (const chunk of await transport.fetch(server.address, version)) received += chunk.length
  return received
}

/** Resolves with how the server hangs up, or with its answer to the next request if it does not. */
async function refusal(client: RawClient): Promise<string> {
  client.send(fetchOf({ storage: '/', path: 'missing', size: 1, mtimeNs: 0n }, { id: 99 }))
  for (let bytes = await client.next(); bytes !== undefined; bytes = await client.next()) {
    if (bytes.includes('ERR_DYAD_')) return 'it goes on to answer'
  }
  return client.closed()
}

test('frames that are not the protocol end their link, and no other', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const { version } = served
  await using bystander = rpcTransport()
  const reading = (await bystander.fetch(served.server.address, version))[Symbol.asyncIterator]()
  let received = (await reading.next()).value?.length ?? 0
  const bad: Record<string, unknown> = {
    'a string': 'hello',
    nothing: new Uint8Array(0),
    garbage: randomBytes(1000),
    'half a frame': encode(fetchOf(version)).subarray(0, 20),
    'bytes after the frame': Buffer.concat([encode(fetchOf(version)), Buffer.from([1])]),
    'a length beyond the frame': Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
    'an endless map': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
    'data from a client': Buffer.from([0xc1, 0, 0, 0, 0, 1]),
    'data without data': Buffer.from([0xc1, 0]),
    number: 7,
    null: null,
    array: [1, 2],
    'an unknown op': { op: 'nonsense', id: 0 },
    'no id': { op: 'cancel' },
    'an id that is negative': fetchOf(version, { id: -1 }),
    'an id beyond 32 bits': fetchOf(version, { id: 2 ** 32 }),
    'an id that is a fraction': fetchOf(version, { id: 0.5 }),
    'an id that is text': fetchOf(version, { id: '0' }),
    'credit for nobody': { op: 'credit', id: 5, chunks: 1 },
    'a cancel for nobody': { op: 'cancel', id: 5 },
    'no credit': fetchOf(version, { credit: 0 }),
    'huge credit': fetchOf(version, { credit: 2 ** 31 }),
    'a chunk of nothing': fetchOf(version, { chunk: 0 }),
    'a huge chunk': fetchOf(version, { chunk: 2 ** 40 }),
    'a path that is a number': fetchOf(version, { path: 7 }),
    'a path that is an array': fetchOf(version, { path: ['file'] }),
    'a path that is too long': fetchOf(version, { path: 'x'.repeat(5000) }),
    'a storage that is missing': fetchOf(version, { storage: undefined }),
    'a size that is negative': fetchOf(version, { size: -1 }),
    'a size beyond 2^53': fetchOf(version, { size: 2n ** 60n }),
    'a time that is text': fetchOf(version, { mtimeNs: 'now' }),
    'a start that is NaN': fetchOf(version, { start: Number.NaN }),
  }
  for (const [name, frame] of Object.entries(bad)) {
    await using client = await RawClient.open(served.url)
    client.send(frame)
    t.match(await refusal(client), /code 1002/, name)
  }
  await using large = await RawClient.open(served.url)
  large.send(Buffer.alloc(16 * 1024 + 1))
  t.match(await refusal(large), /code 1009/, 'a frame over the bound')
  await using greedy = await RawClient.open(served.url)
  greedy.send(fetchOf(version, { credit: 1 }))
  greedy.send({ op: 'credit', id: 0, chunks: 1024 })
  greedy.send({ op: 'credit', id: 0, chunks: 1024 })
  t.match(await refusal(greedy), /code 1002/, 'credit that adds up to too much')
  await using twice = await RawClient.open(served.url)
  twice.send(fetchOf(version))
  twice.send(fetchOf(version))
  t.match(await refusal(twice), /code 1002/, 'an id used twice')
  for (let step = await reading.next(); !step.done; step = await reading.next()) received += step.value.length
  t.equal(received, version.size, 'a transfer that was under way all the time')
  t.equal(await fetchWhole(served), version.size, 'a new client')
})

test('requests for what must not be served are refused, and the link goes on', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const { version } = served
  await using client = await RawClient.open(served.url)
  const refused = [
    { path: '../secret' },
    { path: 'x/../../secret' },
    { path: '/etc/passwd' },
    { path: 'file\0' },
    { path: 'link', size: 6, end: 6 },
    { path: '' },
    { path: '.' },
    { storage: '/' },
    { storage: `${version.storage}/..`, path: 'secret' },
    { start: 5, end: 4 },
    { end: version.size + 1 },
  ]
  for (const [id, changed] of refused.entries()) {
    client.send(fetchOf(version, { id, ...changed }))
    t.match(reply(await client.next()), { op: 'error', id, code: 'ERR_DYAD_REFUSED' }, JSON.stringify(changed))
  }
  client.send(fetchOf(version, { id: 100, end: 10 }))
  t.match(reply(await client.next()), { op: 'opened', id: 100 })
  t.equal((await client.next())?.length, 15, 'a header of 5 bytes and 10 of data')
  t.match(reply(await client.next()), { op: 'end', id: 100 })
})

test('a server sends no more than it has credit for, and answers a cancel', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  await using client = await RawClient.open(served.url)
  client.send(fetchOf(served.version, { id: 3, chunk: 1000, credit: 2 }))
  t.match(reply(await client.next()), { op: 'opened', id: 3 })
  t.equal((await client.next())?.length, 1005)
  t.equal((await client.next())?.length, 1005)
  // The answer to another request comes next, since the first has no credit left.
  client.send(fetchOf(served.version, { id: 4, path: 'missing' }))
  t.match(reply(await client.next()), { op: 'error', id: 4, code: 'ERR_DYAD_GONE' })
  client.send({ op: 'credit', id: 3, chunks: 1 })
  t.equal((await client.next())?.length, 1005)
  client.send({ op: 'cancel', id: 3 })
  t.match(reply(await client.next()), { op: 'error', id: 3 })
  client.send({ op: 'credit', id: 3, chunks: 1 })
  client.send({ op: 'cancel', id: 3 })
  client.send(fetchOf(served.version, { id: 5, path: 'missing' }))
  t.match(reply(await client.next()), { op: 'error', id: 5, code: 'ERR_DYAD_GONE' }, 'late frames do no harm')
})

test('half a frame, and then the connection is gone', async (t) => {
  await using transport = rpcTransport()
  await using served = await serveFile(transport)
  const { port } = new URL(served.url)
  const upgrade = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`
  for (const bytes of ['GET / HT', upgrade, Buffer.concat([Buffer.from(upgrade), Buffer.from([0x82, 0xfe, 0x10])])]) {
    const socket = connectTcp(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    await new Promise((resolve) => socket.write(bytes, resolve))
    socket.destroy()
    await once(socket, 'close')
  }
  t.equal(await fetchWhole(served), served.version.size)
})
