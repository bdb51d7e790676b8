import { once } from 'node:events'
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileVersion, isDyadError, ManagedSource, type TransportServer } from '@dyad-ts/core'
import { PROOF_BYTES } from '@dyad-ts/wire'
import { test } from 'tap'
import { tcpTransport } from '../../src/index.js'
import { OPENED_BYTES, REPLY_HEAD_BYTES, requestOf, VERIFIED_BYTES } from '../../src/tcp/frames.js'
import { type ServeTcpOptions, serveTcp } from '../../src/tcp/server.js'
import { RawSocket } from '../support/raw-tcp.js'
import { serveFile } from '../support/served.js'

/** More than the system buffers for a peer that does not read, in bytes. */
const SIZE = 32 * 1024 * 1024

interface Scene {
  readonly server: TransportServer
  readonly version: FileVersion
  readonly address: string
  /** Clients that have read the beginning of the file, and read no more. */
  readonly idle: readonly RawSocket[]
}

/** Runs `work` beside a server of one large file and clients of it that do not read. */
async function withIdle(count: number, options: Partial<ServeTcpOptions>, work: (scene: Scene) => Promise<void>) {
  await using transport = tcpTransport()
  await using served = await serveFile(transport)
  const { storage } = served
  await truncate(join(storage, 'file'), SIZE)
  const { mtimeNs } = await stat(join(storage, 'file'), { bigint: true })
  const version = { storage, path: 'file', size: SIZE, mtimeNs }
  const source = await ManagedSource.open([storage])
  await using server = await serveTcp(source, { chunkBytes: 65_536, ...options })
  const idle: RawSocket[] = []
  try {
    for (let n = 0; n < count; n++) {
      const client = await RawSocket.open(server.address)
      idle.push(client)
      await client.introduce(undefined)
      client.send(requestOf({ ...version, start: 0, end: SIZE }))
      await client.take(OPENED_BYTES)
      client.socket.pause()
    }
    await work({ version, address: server.address, server, idle })
  } finally {
    await Promise.all(idle.map((client) => client[Symbol.asyncDispose]()))
  }
}

/** Resolves with the number of bytes that a proper client gets. */
async function fetchWhole({ address, version }: Scene): Promise<number> {
  await using transport = tcpTransport()
  let received = 0
  for await (const chunk of await transport.fetch(address, version)) received += chunk.length
  return received
}

test('more clients that never read than there are places keep no others waiting', async (t) => {
  await withIdle(20, { atWork: 4 }, async (scene) => {
    t.equal(await fetchWhole(scene), SIZE)
    const gone = scene.idle.map(({ socket }) => once(socket, 'close'))
    const late = scene.idle[7] as RawSocket
    late.socket.resume()
    while ((await late.take(65_536)).length === 65_536) if (late.socket.bytesRead > SIZE) break
    t.ok(late.socket.bytesRead > SIZE, 'one that reads on gets the rest')
    t.equal(await Promise.race([Promise.race(gone), fetchWhole(scene)]), SIZE, 'nobody was ended for that')
  })
})

test('clients that never read do not keep all connections', async (t) => {
  await withIdle(8, { maxConnections: 8, patienceMs: 500 }, async (scene) => {
    const ended = Promise.race(
      scene.idle.map(({ socket }) =>
        once(
          socket.on('error', () => {}),
          'close',
        ),
      ),
    )
    let received: number | undefined
    while (received === undefined) {
      received = await fetchWhole(scene).catch((error) => {
        // The server refuses it until the time of another has run out.
        if (isDyadError(error, 'ERR_DYAD_TRANSFER')) return undefined
        throw error
      })
    }
    t.equal(received, SIZE)
    for (const { socket } of scene.idle) socket.resume()
    await ended
    t.pass('one of them was ended')
  })
})

test('a client whose owner has no room for one more connection uses those that it has', async (t) => {
  await withIdle(0, { maxConnections: 4 }, async ({ address, version }) => {
    await using transport = tcpTransport()
    const ranges = Array.from({ length: 60 }, (_, i) => ({ start: i * 500_000, end: i * 500_000 + 100_000 }))
    const received = await Promise.all(
      ranges.map(async (range) => {
        let length = 0
        for await (const chunk of await transport.fetch(address, { ...version, ...range })) length += chunk.length
        return length
      }),
    )
    t.ok(received.every((length) => length === 100_000))
  })
})

test('newcomers that come together each end one connection that does nothing', async (t) => {
  await withIdle(0, { maxConnections: 2 }, async ({ address, version }) => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => RawSocket.open(address)))
    const [one, other, ...newcomers] = clients as [RawSocket, RawSocket, ...RawSocket[]]
    for (const client of [one, other]) await client.introduce(undefined)
    const ended: RawSocket[] = []
    for (const client of [one, other]) client.socket.on('close', () => ended.push(client))
    const hellos = await Promise.all(newcomers.map((client) => client.hello(undefined)))
    // All in one turn, before the connections that they end are closed.
    for (const [i, client] of newcomers.entries()) client.send(hellos[i] ?? Buffer.alloc(0))
    for (const client of newcomers) await client.take(REPLY_HEAD_BYTES + PROOF_BYTES)
    for (let turn = 0; turn < 2; turn++) {
      for (const client of newcomers) {
        client.send(requestOf({ ...version, start: 0, end: 10 }))
        await client.take(OPENED_BYTES + 10 + VERIFIED_BYTES)
      }
    }
    t.ok(ended.includes(one) && ended.includes(other), `${ended.length} of 2 were ended`)
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  })
})

test('a client that does not take the last bytes of a file keeps no place', async (t) => {
  // The system gets both buffers at once. Only the reader is waited for then.
  await withIdle(1, { atWork: 1, chunkBytes: SIZE / 2 }, async (scene) => {
    t.equal(await fetchWhole(scene), SIZE)
    t.notOk(scene.idle[0]?.socket.destroyed)
  })
})

test('a server closes although clients in mid-transfer neither read nor hang up', async (t) => {
  await withIdle(5, {}, async ({ server, idle }) => {
    await server.close()
    t.ok(
      idle.every(({ socket }) => !socket.destroyed),
      'none of them has hung up',
    )
  })
})
