import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as dial, type Socket } from 'node:net'
import type { NodeStatus } from '@dyad-ts/dyad'
import { askControl, controlPath } from '@dyad-ts/service'
import { connect, decode, encode } from '@dyad-ts/wire'
import { test } from 'tap'
import { Cluster, TOKEN } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import { shakeHands } from '../../harness/raw-link.js'
import { writeSparse } from '../../harness/sparse.js'

/** What bad peers may cost a node, in MiB, at the most. */
const BOUND = 96

/** A socket of WebSocket, and what its clients mean to reach. */
interface Listens {
  url: string
  audience: string
}

interface Wanted {
  storage: string
  path: string
  size?: number
  mtimeNs?: bigint
}

/** A fetch as it goes over the wire. */
function fetchFrame(id: number, { storage, path, size = 0, mtimeNs = 0n }: Wanted, more: object = {}): Buffer {
  return encode({
    op: 'fetch',
    id,
    storage,
    path,
    size,
    mtimeNs,
    start: 0,
    end: size,
    chunk: 65_536,
    credit: 16,
    ...more,
  })
}

function rpcUrl({ transports }: NodeStatus): string {
  const address = transports.find(({ name }) => name === 'rpc')?.address
  return (JSON.parse(String(address)) as { url: string }).url
}

/**
 * Sends one message over a link of its own; resolves with what came back until the answer was
 * complete or the link was closed.
 */
function exchange({ url, audience }: Listens, message: Uint8Array): Promise<unknown[]> {
  const came: unknown[] = []
  return new Promise((resolve, reject) => {
    connect(url, { token: TOKEN, audience, maxFrameBytes: 8 * 2 ** 20 }, (link) => ({
      message(bytes) {
        const reply = bytes[0] === 0xc1 ? { op: 'data' } : (decode(bytes) as { op: string })
        if (reply.op !== 'hello') came.push(reply)
        if (reply.op === 'error' || reply.op === 'end') link.close()
      },
      closed: () => resolve(came),
    })).then((link) => void link.send(message), reject)
  })
}

/** Stands for what makes a link of a connection. */
const HANDSHAKE = 'the handshake'

/** A WebSocket frame of a client: masked with zeros, so that it reads as it is. */
function frame(payload: Uint8Array, { opcode = 2, claims = payload.length } = {}): Buffer {
  const head = Buffer.alloc(14)
  head.writeUInt8(0x80 | opcode)
  head.writeUInt8(0x80 | 127, 1)
  head.writeBigUInt64BE(BigInt(claims), 2)
  return Buffer.concat([head, payload])
}

/**
 * Connects, says it all, and keeps the connection; with `reads` off it never looks at what comes
 * back.
 */
async function say(to: Listens | string, words: (string | Uint8Array)[], reads = true): Promise<Socket> {
  const socket = typeof to === 'string' ? dial(to) : dial(Number(new URL(to.url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  for (const word of words) {
    if (word === HANDSHAKE && typeof to !== 'string') await shakeHands(socket, TOKEN, to.audience)
    else socket.write(word)
  }
  if (!reads) socket.pause()
  if (reads) socket.resume()
  return socket
}

/** Resolves when the connection is down, whether with an error or without. */
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

test('a request by hand gets nothing but regular files of the managed directories', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const storage = cluster.path('a')
  const secret = cluster.path('secret')
  writeFileSync(secret, 'nobody may read this')
  mkdirSync(cluster.path('a', 'inner'))
  writeFileSync(cluster.path('a', 'inner', 'file'), 'anybody may read this')
  writeFileSync(cluster.path('a', 'inner', '.dyad-1'), 'half')
  symlinkSync(secret, cluster.path('a', 'link'))
  symlinkSync(cluster.root, cluster.path('a', 'up'))
  symlinkSync('/dev/zero', cluster.path('a', 'zero'))
  execFileSync('mkfifo', [cluster.path('a', 'pipe')])
  const url = rpcUrl(await a.ask('status'))
  const port = { url, audience: url }
  const ask = (wanted: Wanted) => exchange(port, fetchFrame(0, wanted))
  const looksOf = (path: string) => {
    const { size, mtimeNs } = statSync(path, { bigint: true })
    return { size: Number(size), mtimeNs }
  }
  const looks = looksOf(secret)

  const served = await ask({ storage, path: 'inner/file', ...looksOf(cluster.path('a', 'inner', 'file')) })
  t.match(served, [{ op: 'opened' }, { op: 'data' }, { op: 'end' }], 'a request that is in order is served')

  for (const [what, wanted] of Object.entries<Wanted>({
    'parent directory': { storage, path: '../secret', ...looks },
    'parent directory further down': { storage, path: 'inner/../../secret', ...looks },
    'absolute path': { storage, path: secret, ...looks },
    'path with NUL': { storage, path: 'inner/file\0.txt', ...looks },
    'path without end': { storage, path: 'd/'.repeat(2_000), ...looks },
    'no path': { storage, path: '', ...looks },
    'symbolic link to a file outside': { storage, path: 'link', ...looks },
    'symbolic link to a directory outside': { storage, path: 'up/secret', ...looks },
    'link to a device': { storage, path: 'zero' },
    'named pipe': { storage, path: 'pipe' },
    directory: { storage, path: 'inner' },
    'file that is being written': { storage, path: 'inner/.dyad-1', ...looksOf(cluster.path('a', 'inner', '.dyad-1')) },
    'another directory': { storage: cluster.root, path: 'secret', ...looks },
    'another spelling of a directory that is none': { storage: `${storage}/..`, path: 'secret', ...looks },
    'directory below the one that is served': { storage: `${storage}/inner`, path: 'file', ...looks },
  })) {
    t.match(await ask(wanted), [{ op: 'error', code: 'ERR_DYAD_REFUSED' }], what)
  }
  for (const [what, more] of Object.entries({
    'range beyond the file': { end: 10 ** 9 },
    'range that runs backwards': { start: 10, end: 5 },
  })) {
    const answer = await exchange(port, fetchFrame(0, { storage, path: 'inner/file', size: 21 }, more))
    t.match(answer, [{ op: 'error', code: 'ERR_DYAD_REFUSED' }], what)
  }
})

test('garbage on any socket closes that connection, and nothing else', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'rpc' })])
  const url = rpcUrl(await a.ask('status'))
  const rpc = { url, audience: url }
  const broker = { url: cluster.kvs, audience: '' }
  const control = controlPath(cluster.path('state'), 'A')
  let round = 0
  /** Others are served: one file more is published, found and moved. */
  const serves = async () => {
    const name = `round-${round++}`
    await producer.ask('write', name, 200_000, round)
    const { sha256 } = await consumer.ask<{ sha256: string }>('read', name)
    return sha256 === digestOf(200_000, round)
  }
  t.ok(await serves())
  const before = await a.ask<number>('peakMiB')

  const garbage: Record<string, Uint8Array> = {
    nothing: Buffer.alloc(0),
    'random bytes': randomBytes(1_000),
    'half a frame': fetchFrame(0, { storage: 'x', path: 'y' }).subarray(0, 20),
    'bytes after the frame': Buffer.concat([encode({ op: 'stats', id: 0 }), Buffer.alloc(3)]),
    'a string that claims 4 GiB': Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]),
    'an array that claims 2^32 items': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]),
    'a map that claims 2^32 entries': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0]),
    'arrays 10,000 deep': Buffer.alloc(10_000, 0x91),
    'an extension type': Buffer.from([0xc7, 0x10, 0x01, 0x00]),
    'no map': encode([1, 2, 3]),
    'an unknown operation': encode({ op: 'shutdown', id: 0 }),
    'an operation of every object': encode({ op: 'constructor', id: 0 }),
    'a field of another type': encode({ op: 'fetch', id: 'x', storage: 5, path: [], size: -1, mtimeNs: 'now' }),
    'a negative id': encode({ op: 'cancel', id: -1 }),
    'data from a client': Buffer.from([0xc1, 0, 0, 0, 0, 1, 2, 3]),
    'a message above the bound': Buffer.alloc(3 * 2 ** 20, 0xc0),
  }
  for (const [name, port] of Object.entries({ rpc, broker })) {
    await t.test(`messages to the ${name} socket`, async (t) => {
      for (const [what, message] of Object.entries(garbage)) t.strictSame(await exchange(port, message), [], what)
      t.ok(await serves(), 'others are served')
    })

    await t.test(`bytes to the ${name} socket`, async (t) => {
      const plain = await fetch(`${port.url.replace('ws:', 'http:')}/etc/passwd`)
      t.equal(plain.status, 426, 'plain HTTP is told what is spoken here')
      t.notMatch(await plain.text(), /root:/)
      for (const [what, words] of Object.entries({
        'no HTTP at all': [randomBytes(4_096)],
        'a text message': [HANDSHAKE, frame(Buffer.from('hello'), { opcode: 1 })],
        'a frame that claims 2^62 bytes': [HANDSHAKE, frame(Buffer.alloc(10), { claims: 2 ** 62 })],
        'a frame that is not masked': [HANDSHAKE, Buffer.from([0x82, 0x01, 0xc0])],
        'an opcode that there is not': [HANDSHAKE, frame(Buffer.alloc(1), { opcode: 7 })],
        'headers without end': ['GET / HTTP/1.1\r\n', Buffer.alloc(100_000, 'x')],
      })) {
        await closed(await say(port, words))
        t.pass(`${what}: the connection is closed`)
      }
      // What is not whole may be on its way still: it costs a connection, and no more.
      const halves = await Promise.all([
        say(port, ['GET / HT']),
        say(port, [HANDSHAKE, frame(Buffer.alloc(100), { claims: 10_000 })]),
        say(port, [HANDSHAKE, Buffer.from([0x82])]),
      ])
      t.ok(await serves(), 'others are served')
      for (const half of halves) half.destroy()
    })
  }

  await t.test('bytes to the control socket', async (t) => {
    await closed(await say(control, [randomBytes(500)]))
    await closed(await say(control, [Buffer.alloc(2 ** 20, 'x')]))
    const half = await say(control, ['sta'])
    const unknown = await say(control, ['format-disk\n'])
    t.match(await askControl(control, 'status'), { node: 'A', pid: a.pid }, 'others are answered')
    half.destroy()
    unknown.destroy()
    t.ok(await serves())
  })

  await t.test('requests whose answers nobody reads', async (t) => {
    const size = 2 ** 30
    writeSparse(cluster.path('a', 'huge'), size)
    await producer.ask('produce', 'huge')
    const { mtimeNs } = statSync(cluster.path('a', 'huge'), { bigint: true })
    const wanted = { storage: cluster.path('a'), path: 'huge', size, mtimeNs }
    const most = { chunk: 4 * 2 ** 20, credit: 1_024 }
    const requests = Array.from({ length: 1_000 }, (_, id) => frame(fetchFrame(id, wanted, most)))
    const lists = Array.from({ length: 10_000 }, (_, id) =>
      frame(encode({ op: 'list', id, space: 'flow', prefix: '', after: 0, epoch: '' })),
    )
    const greedy = await Promise.all([
      say(rpc, [HANDSHAKE, ...requests], false),
      say(broker, [HANDSHAKE, frame(encode({ op: 'hello', version: 1 })), ...lists], false),
    ])
    for (let i = 0; i < 5; i++) t.ok(await serves(), 'others are served')
    for (const socket of greedy) socket.destroy()
  })

  t.ok(await serves(), 'in the end the node is as it was')
  const grown = (await a.ask<number>('peakMiB')) - before
  t.ok(grown < BOUND, `all of it cost ${Math.round(grown)} MiB`)
  t.strictSame(cluster.files('b').length, round, 'and left nothing behind')
})
