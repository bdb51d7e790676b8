import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { loopbackCertificate } from '../../../../test/harness/certificate.js'
import { tcpTransport } from '../../src/index.js'
import { errorReply, OPENED_BYTES, VERIFIED_BYTES, writeOpened, writeVerified } from '../../src/tcp/frames.js'
import { rawServer } from '../support/raw-tcp.js'
import { serveFile } from '../support/served.js'

const VERSION = { storage: '/x', path: 'x', size: 100, mtimeNs: 1n }

const opened = (length: number) => {
  const bytes = Buffer.alloc(OPENED_BYTES)
  writeOpened(bytes, OPENED_BYTES, length)
  return bytes
}
const verified = Buffer.alloc(VERIFIED_BYTES)
writeVerified(verified, 0)
const data = (length: number) => Buffer.alloc(length, 'x')

/**
 * Reads from a server that answers every request with `answer`, and then hangs up with `hangUp`.
 * Resolves with the number of bytes.
 */
async function readFrom(answer: Buffer[], hangUp = false): Promise<number> {
  await using server = await rawServer((socket) => {
    socket.on('data', () => {
      if (hangUp) socket.end(Buffer.concat(answer))
      else socket.write(Buffer.concat(answer))
    })
  })
  await using transport = tcpTransport()
  let received = 0
  for await (const chunk of await transport.fetch(server.address, VERSION)) received += chunk.length
  return received
}

test('a server that breaks the protocol fails its transfers', async (t) => {
  t.equal(await readFrom([opened(100), data(100), verified]), 100, 'one that keeps to it')
  const answers: Record<string, Buffer[]> = {
    garbage: [Buffer.from('garbage')],
    HTTP: [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    'another size': [opened(99), data(99), verified],
    'a vast size': [opened(2 ** 52), data(100), verified],
    'more bytes than announced': [opened(100), data(101), verified],
    'verified at once': [verified],
    'opened twice': [opened(100), data(100), opened(100)],
    'a code that is not ours': [errorReply({ code: 'toString', detail: '' })],
    'an error without end': [Buffer.from([3, 0xff, 0xff])],
  }
  for (const [name, answer] of Object.entries(answers)) {
    await t.rejects(readFrom(answer), { code: 'ERR_DYAD_PROTOCOL' }, name)
  }
})

test('bytes without a request end the connection', async (t) => {
  await using server = await rawServer((socket) => {
    socket.on('data', () => socket.write(Buffer.concat([opened(100), data(100), verified, data(1)])))
  })
  await using transport = tcpTransport()
  for (let round = 1; round <= 2; round++) {
    const transfer = await transport.fetch(server.address, VERSION).catch((error: unknown) => error)
    if (transfer instanceof Error) t.match(transfer, { code: 'ERR_DYAD_PROTOCOL' })
    await once(server.sockets.at(-1) as Socket, 'close')
    t.equal(server.sockets.length, round, 'it is not used again')
  }
})

test('an end before the end is the end of the transfer', async (t) => {
  const ends: Record<string, Buffer[]> = {
    'no answer': [],
    'half a reply': [opened(100).subarray(0, 5)],
    'no bytes': [opened(100)],
    'a byte too few': [opened(100), data(99)],
    'never verified': [opened(100), data(100)],
  }
  for (const [name, answer] of Object.entries(ends)) {
    await t.rejects(readFrom(answer, true), { code: 'ERR_DYAD_TRANSFER', path: 'x' }, name)
  }
})

test('the last chunk is not handed over before the owner has verified the file', async (t) => {
  let changed = () => {}
  await using server = await rawServer((socket) => {
    changed = () => void socket.write(errorReply({ code: 'ERR_DYAD_CHANGED', detail: '' }))
    socket.on('data', () => socket.write(Buffer.concat([opened(100), data(100)])))
  })
  await using transport = tcpTransport()
  const chunks = (await transport.fetch(server.address, VERSION))[Symbol.asyncIterator]()
  const next = chunks.next()
  changed()
  await t.rejects(next, { code: 'ERR_DYAD_CHANGED' })
})

test('an owner that hangs up midway is asked why', async (t) => {
  const starts: number[] = []
  await using server = await rawServer((socket, nth) => {
    socket.on('data', (bytes: Buffer) => {
      // The lower 32 bits of `start`.
      starts.push(bytes.readUInt32BE(22))
      if (nth === 1) socket.end(Buffer.concat([opened(100), data(60)]))
      else socket.write(errorReply({ code: 'ERR_DYAD_CHANGED', detail: 'it ends early' }))
    })
  })
  await using transport = tcpTransport()
  const chunks = (await transport.fetch(server.address, VERSION))[Symbol.asyncIterator]()
  t.equal((await chunks.next()).value?.length, 60)
  await t.rejects(chunks.next(), { code: 'ERR_DYAD_CHANGED', detail: 'it ends early', path: 'x' })
  t.strictSame(starts, [0, 60], 'from where it stopped')
})

test('an error of the owner arrives with its code and its words', async (t) => {
  const answer = [errorReply({ code: 'ERR_DYAD_REFUSED', detail: 'no such luck' })]
  await t.rejects(readFrom(answer), { code: 'ERR_DYAD_REFUSED', detail: 'no such luck', path: 'x' })
})

test('replies arrive in pieces of any length', async (t) => {
  const answer = Buffer.concat([opened(100), data(100), verified])
  for (const step of [1, 2, 7, 11, 50, 110, 113]) {
    await using server = await rawServer((socket) => {
      socket.on('data', async () => {
        for (let at = 0; at < answer.length; at += step) {
          await new Promise((resolve) => socket.write(answer.subarray(at, at + step), resolve))
          await new Promise(setImmediate)
        }
      })
    })
    await using transport = tcpTransport()
    const parts: Buffer[] = []
    for await (const chunk of await transport.fetch(server.address, VERSION)) parts.push(Buffer.from(chunk))
    t.same(Buffer.concat(parts), data(100), `${step}`)
  }
})

test('connections are used again, and closed when they have been idle', async (t) => {
  await using server = await rawServer((socket) => {
    socket.on('data', () => socket.write(Buffer.concat([opened(100), data(100), verified])))
  })
  await using transport = tcpTransport({ idleMs: 20 })
  const keep = setInterval(() => {}, 1000)
  const read = async () => {
    for await (const chunk of await transport.fetch(server.address, VERSION)) t.equal(chunk.length, 100)
  }
  for (let n = 0; n < 5; n++) await read()
  t.equal(server.sockets.length, 1, 'one after the other')
  await Promise.all([read(), read(), read()])
  t.equal(server.sockets.length, 3, 'three at once')
  await Promise.all(server.sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close'))))
  await read()
  t.equal(server.sockets.length, 4, 'the next transfer connects anew')
  clearInterval(keep)
})

test('a kept connection that turns out dead is replaced', async (t) => {
  const requests: number[] = []
  await using server = await rawServer((socket, nth) => {
    socket.on('data', () => {
      requests.push(nth)
      // The second request on the first connection meets an owner that is gone.
      if (nth === 1 && requests.length === 2) socket.destroy()
      else socket.write(Buffer.concat([opened(100), data(100), verified]))
    })
  })
  await using transport = tcpTransport()
  for (let n = 0; n < 3; n++) {
    for await (const chunk of await transport.fetch(server.address, VERSION)) t.equal(chunk.length, 100)
  }
  t.strictSame(requests, [1, 1, 2, 2])
})

test('a port without a listener, and a listener that does not answer', async (t) => {
  await using transport = tcpTransport()
  const server = await rawServer(() => {})
  const abort = new AbortController()
  const mute = transport.fetch(server.address, VERSION, { signal: abort.signal })
  await once(server.server, 'connection')
  abort.abort('enough')
  await mute.then(
    () => t.fail('fetched'),
    (reason) => t.equal(reason, 'enough'),
  )
  await server[Symbol.asyncDispose]()
  await t.rejects(transport.fetch(server.address, VERSION), {
    code: 'ERR_DYAD_OWNER_UNREACHABLE',
    cause: { code: 'ECONNREFUSED' },
  })
  t.throws(() => tcpTransport({ chunkBytes: 0 }), { code: 'ERR_DYAD_OPTION' })
  t.throws(() => tcpTransport({ chunkBytes: 2 ** 23 }), { code: 'ERR_DYAD_OPTION' })
})

test('TLS, with a certificate that the client trusts and one that it does not', async (t) => {
  const tls = loopbackCertificate()
  await using transport = tcpTransport({ token: 'secret', tls })
  await using served = await serveFile(transport)
  t.match(served.url, /^tls:/)
  const { address } = served.server
  const fetchWith = async (options: object, where = address) => {
    await using other = tcpTransport(options)
    await using transfer = await other.fetch(where, served.version)
    return transfer.size
  }
  t.equal(await fetchWith({ token: 'secret', ca: tls.cert }), served.version.size)
  await t.rejects(fetchWith({ token: 'secret' }), {
    code: 'ERR_DYAD_CERTIFICATE',
    cause: { code: /SELF_SIGNED/ },
  })
  await t.rejects(fetchWith({ ca: tls.cert }), { code: 'ERR_DYAD_DENIED' })
  await t.rejects(fetchWith({ token: 'secret' }, address.replace('tls:', 'tcp:')), { code: /ERR_DYAD_/ }, 'plain')
})
