import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test } from 'tap'
import { loopbackCertificate } from '../../../test/harness/certificate.js'
import { shakeHands } from '../../../test/harness/raw-link.js'
import { connect, Gate, listen } from '../src/index.js'
import { Ear, hear } from './support/pair.js'

const OPTIONS = { maxFrameBytes: 1000 }
const nobody = () => ({ message: () => {}, closed: () => {} })

test('without the token there is no link', async (t) => {
  await using there = await hear({ token: 'secret' })
  for (const token of [undefined, '', 'Secret', 'secrets', 'x'.repeat(5000)]) {
    await t.rejects(connect(there.listener.url(), { ...OPTIONS, token }, nobody), { code: 'ERR_DYAD_DENIED' })
  }
  t.equal(there.links.length, 0)
  const link = await connect(there.listener.url(), { ...OPTIONS, token: 'secret' }, nobody)
  link.close()
})

test('beyond loopback a token is needed', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.org']) {
    await t.rejects(listen({ ...OPTIONS, host }, nobody), { code: 'ERR_DYAD_BIND' }, host)
    await t.rejects(listen({ ...OPTIONS, host, token: '' }, nobody), { code: 'ERR_DYAD_BIND' }, host)
  }
  for (const host of [undefined, '127.0.0.1', '127.1.2.3', 'localhost']) {
    await (await listen({ ...OPTIONS, host }, nobody)).close()
  }
  await using wide = await listen({ ...OPTIONS, host: '0.0.0.0', token: 'secret' }, nobody)
  t.equal(wide.url('node7'), `ws://node7:${wide.port}`)
  t.equal(wide.url('::1'), `ws://[::1]:${wide.port}`)
})

test('a port that is taken', async (t) => {
  await using first = await listen(OPTIONS, nobody)
  await t.rejects(listen({ ...OPTIONS, port: first.port }, nobody), {
    code: 'ERR_DYAD_BIND',
    cause: { code: 'EADDRINUSE' },
  })
})

test('closing the listener closes its links and frees the port', async (t) => {
  const there = await hear()
  const here = new Ear()
  await connect(there.listener.url(), OPTIONS, () => here.handlers)
  await there.first
  await Promise.all([there.listener.close(), there.listener.close()])
  await there.listener.close()
  t.equal(await here.closed, undefined)
  await t.rejects(connect(there.listener.url(), OPTIONS, nobody), { code: 'ECONNREFUSED' })
  await (await listen({ ...OPTIONS, port: there.listener.port }, nobody)).close()
})

test('a listener closes although admitted peers neither read, nor answer, nor hang up', async (t) => {
  for (const tls of [undefined, loopbackCertificate()]) {
    const there = await hear({ tls })
    const where = { port: there.listener.port, host: '127.0.0.1', allowHalfOpen: true }
    const sockets: Socket[] = []
    for (let n = 1; n <= 3; n++) {
      const socket = tls ? connectTls({ ...where, ca: tls.cert }) : connectTcp(where)
      sockets.push(socket.on('error', () => {}))
      await once(socket, tls ? 'secureConnect' : 'connect')
      await shakeHands(socket)
      await there.accepted(n)
      socket.pause()
    }
    // One peer has much to read first.
    for (let n = 0; n < 20; n++) void there.links[0]?.send(Buffer.alloc(900_000))
    await there.listener.close()
    for (const ear of there.ears) await ear.closed
    t.pass(tls ? 'TLS' : 'plain')
    for (const socket of sockets) socket.destroy()
  }
})

test('an abort ends the wait for a port that does not answer', async (t) => {
  const sockets: Socket[] = []
  const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const url = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const abort = new AbortController()
  const attempt = connect(url, { ...OPTIONS, signal: abort.signal }, nobody)
  await once(mute, 'connection')
  const reason = { why: 'enough' }
  abort.abort(reason)
  await attempt.then(
    () => t.fail('connected'),
    (error) => t.equal(error, reason),
  )
  await connect(url, { ...OPTIONS, signal: AbortSignal.abort(reason) }, nobody).then(
    () => t.fail('connected'),
    (error) => t.equal(error, reason),
  )
  for (const socket of sockets) socket.destroy()
  mute.close()
})

test('a server that speaks something else', async (t) => {
  const other = createHttpServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const url = `ws://127.0.0.1:${(other.address() as AddressInfo).port}`
  await t.rejects(connect(url, OPTIONS, nobody), { code: 'ERR_DYAD_PROTOCOL' })
  other.close()
  await using there = await hear()
  const answer = await fetch(there.listener.url().replace('ws:', 'http:'))
  t.equal(answer.status, 426)
  for (const bytes of [
    'garbage\r\n\r\n',
    '\0\0\0',
    'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ]) {
    const socket = connectTcp(there.listener.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(bytes)
    socket.resume()
    await once(socket, 'close')
  }
  const link = await connect(there.listener.url(), OPTIONS, nobody)
  await there.first
  t.equal(there.links.length, 1, 'who speaks the protocol is served')
  link.close()
})

test('TLS, with a certificate that the client trusts and one that it does not', async (t) => {
  const tls = loopbackCertificate()
  await using there = await hear({ tls, token: 'secret' })
  t.match(there.listener.url(), /^wss:/)
  const url = there.listener.url()
  await t.rejects(connect(url, { ...OPTIONS, token: 'secret' }, nobody), {
    code: 'ERR_DYAD_CERTIFICATE',
    message: /self-signed/,
  })
  await t.rejects(connect(url, { ...OPTIONS, ca: tls.cert }, nobody), { code: 'ERR_DYAD_DENIED' })
  const plain = connect(url.replace('wss:', 'ws:'), { ...OPTIONS, token: 'secret' }, nobody)
  await t.rejects(plain, Error)
  t.equal(there.links.length, 0)
  const link = await connect(url, { ...OPTIONS, token: 'secret', ca: tls.cert }, nobody)
  await link.send('hello')
  await there.first
  await there.ears[0]?.received(1)
  link.close()
})

test('the connection of a peer that is not admitted ends after a time, whatever the peer sends', async (t) => {
  const tls = loopbackCertificate()
  for (const options of [{}, { tls }]) {
    await using there = await hear({ patienceMs: 50, token: 'secret', ...options })
    const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    const said = ['', 'GET', upgrade, `${upgrade}${key}\r\n`, `${upgrade}${key}dyad-nonce: ${'A'.repeat(43)}\r\n\r\n`]
    // The beginning of a TLS handshake.
    for (const bytes of [...said, '\x16\x03\x01\x02']) {
      const socket = connectTcp({ port: there.listener.port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => {})
      const ended = once(socket, 'end').catch(() => {})
      socket.resume()
      socket.write(bytes || 'G', 'latin1')
      await ended
      socket.destroy()
    }
    t.equal(there.links.length, 0)
  }
})

test('too many waiting connections end the oldest of them, and no admitted one', async (t) => {
  const gate = new Gate({ patienceMs: 60_000, maxWaiting: 3 })
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    gate.enter(socket)
    if (sockets.push(socket) === 1) gate.admit(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: Socket[] = []
  for (let n = 1; n <= 10; n++) {
    const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
    clients.push(client)
    while (sockets.length < n) await once(server, 'connection')
  }
  t.strictSame(
    sockets.map(({ destroyed }) => destroyed),
    [false, true, true, true, true, true, true, false, false, false],
  )
  t.equal(gate.admitted, 1)
  gate.close()
  t.ok(sockets.every(({ destroyed }) => destroyed))
  server.close()
  for (const client of clients) client.destroy()
})
