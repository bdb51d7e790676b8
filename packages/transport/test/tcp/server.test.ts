import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { ManagedSource } from '@dyad-ts/core'
import { test } from 'tap'
import { loopbackCertificate } from '../../../../test/harness/certificate.js'
import { tcpTransport } from '../../src/index.js'
import {
  GREETING_BYTES,
  OPENED_BYTES,
  REPLY_HEAD_BYTES,
  readReply,
  requestOf,
  VERIFIED_BYTES,
} from '../../src/tcp/frames.js'
import { serveTcp } from '../../src/tcp/server.js'
import { RawSocket } from '../support/raw-tcp.js'
import { type Served, serveFile } from '../support/served.js'

const whole = ({ version }: Served, changed = {}) => requestOf({ ...version, start: 0, end: version.size, ...changed })

/** Fetches the file with a proper client, which is served although others are not. */
async function fetchWhole({ server, version }: Served, token = 'secret'): Promise<number> {
  await using transport = tcpTransport({ token })
  let received = 0
  for await (const chunk of await transport.fetch(server.address, version)) received += chunk.length
  return received
}

/** Resolves with the code of the error before the server hangs up, or with '' if it sends none. */
async function refusal(client: RawSocket): Promise<string> {
  const said = await client.rest()
  // The greeting is still there if the test has not taken it.
  const bytes = said.subarray(0, 4).toString() === 'DYAD' ? said.subarray(GREETING_BYTES) : said
  if (bytes.length === 0) return ''
  const reply = readReply(bytes)
  return reply.kind === 'error' ? reply.code : reply.kind
}

test('the token and the binding', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  for (const token of [undefined, '', 'Secret', 'secrets', 'x'.repeat(5000)]) {
    await using stranger = tcpTransport({ token })
    await t.rejects(stranger.fetch(served.server.address, served.version), { code: 'ERR_DYAD_DENIED' }, `${token}`)
  }
  t.equal(await fetchWhole(served), served.version.size)
  for (const host of ['0.0.0.0', '::']) {
    await using open = tcpTransport({ host })
    await t.rejects(serveFile(open), { code: 'ERR_DYAD_BIND' }, host)
  }
  const { port } = new URL((JSON.parse(served.server.address) as { url: string }).url)
  await using second = tcpTransport({ port: Number(port) })
  await t.rejects(serveFile(second), { code: 'ERR_DYAD_BIND', cause: { code: 'EADDRINUSE' } })
  await using wide = tcpTransport({ host: '0.0.0.0', token: 'secret', advertise: '::1' })
  await using reachable = await serveFile(wide)
  t.match(reachable.url, /^tcp:\/\/\[::1\]:\d+$/)
})

test('a client that has not proved that it knows the token gets a refusal and nothing else', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  const hellos: Record<string, Buffer> = {
    'no hello': whole(served),
    garbage: randomBytes(5000),
    HTTP: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n'),
    'another version': Buffer.concat([Buffer.from('DYADTCP1'), randomBytes(64), whole(served)]),
  }
  for (const [name, bytes] of Object.entries(hellos)) {
    await using client = await RawSocket.open(served.server.address)
    client.send(bytes)
    t.equal(await refusal(client), 'ERR_DYAD_PROTOCOL', name)
  }
  for (const token of [undefined, 'wrong']) {
    await using client = await RawSocket.open(served.server.address)
    client.send(await client.hello(token), whole(served))
    t.equal(await refusal(client), 'ERR_DYAD_DENIED', `${token}`)
  }
  await using half = await RawSocket.open(served.server.address)
  half.send((await half.hello('secret')).subarray(0, 20))
  half.socket.end()
  t.equal(await refusal(half), '', 'half a hello')
  t.equal(await fetchWhole(served), served.version.size)
})

test('a hello or a request that never ends is given up, however slowly it comes', async (t) => {
  const source = await ManagedSource.open(['/tmp'])
  await using server = await serveTcp(source, { chunkBytes: 65_536, patienceMs: 50 })
  for (const length of [0, 71]) {
    await using client = await RawSocket.open(server.address)
    client.send((await client.hello(undefined)).subarray(0, length))
    t.equal((await client.rest()).length, 0)
  }
  // A peer that introduces itself needs some of that time too.
  await using patient = await serveTcp(source, { chunkBytes: 65_536, patienceMs: 2_000 })
  await using client = await RawSocket.open(patient.address)
  await client.introduce(undefined)
  client.send(Buffer.from([0]))
  const drip = setInterval(() => client.socket.write(Buffer.from([40])), 100)
  t.equal((await client.rest()).length, 0)
  clearInterval(drip)
})

test('a TLS handshake that never ends is given up', async (t) => {
  const source = await ManagedSource.open(['/tmp'])
  await using server = await serveTcp(source, { chunkBytes: 65_536, patienceMs: 50, tls: loopbackCertificate() })
  for (const said of ['', '16', '160301020001000100']) {
    await using client = await RawSocket.open(server.address)
    client.send(Buffer.from(said, 'hex'))
    t.equal((await client.rest()).length, 0, `after ${said.length / 2} bytes`)
  }
})

test('malformed requests end their connection, and no other', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  await using bystander = tcpTransport({ token: 'secret' })
  const reading = (await bystander.fetch(served.server.address, served.version))[Symbol.asyncIterator]()
  let received = (await reading.next()).value?.length ?? 0
  const bad: Record<string, Buffer> = {
    'of no length': Buffer.from([0, 0]),
    'too short': Buffer.from([0, 33]),
    'too long': Buffer.from([0xff, 0xff]),
    'out of bounds': Buffer.concat([Buffer.from([0, 34]), Buffer.alloc(34, 0xff)]),
    'ahead of their turn': Buffer.concat([whole(served), Buffer.alloc(20_000, 1)]),
  }
  for (const [name, bytes] of Object.entries(bad)) {
    await using client = await RawSocket.open(served.server.address)
    await client.introduce('secret')
    client.send(bytes)
    t.equal(await refusal(client), name === 'ahead of their turn' ? '' : 'ERR_DYAD_PROTOCOL', name)
  }
  for (let step = await reading.next(); !step.done; step = await reading.next()) received += step.value.length
  t.equal(received, served.version.size, 'a transfer that was under way all the time')
  t.equal(await fetchWhole(served), served.version.size, 'a new client')
})

test('requests for what must not be served are refused, and the connection goes on', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  const { version } = served
  await using client = await RawSocket.open(served.server.address)
  await client.introduce('secret')
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
  for (const changed of refused) {
    client.send(whole(served, changed))
    const head = await client.take(REPLY_HEAD_BYTES)
    const reply = readReply(Buffer.concat([head, await client.take(head.readUInt16BE(1))]))
    t.match(reply, { kind: 'error', code: 'ERR_DYAD_REFUSED' }, JSON.stringify(changed))
  }
  // Two requests at once: the second waits for its turn.
  client.send(whole(served, { end: 10 }), whole(served, { start: 4, end: 12 }))
  for (const length of [10, 8]) {
    t.strictSame(readReply(await client.take(OPENED_BYTES)), { kind: 'opened', length })
    t.equal((await client.take(length)).toString('latin1'), 'dyaddyaddyad'.slice(0, length))
    t.strictSame(readReply(await client.take(VERIFIED_BYTES)), { kind: 'verified' })
  }
})

test('clients that never read keep no others waiting, and leave nothing open when they go', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  const idle: RawSocket[] = []
  for (let n = 0; n < 100; n++) {
    const client = await RawSocket.open(served.server.address)
    await client.introduce('secret')
    client.socket.pause()
    client.send(whole(served))
    idle.push(client)
  }
  t.equal(await fetchWhole(served), served.version.size)
  await Promise.all(idle.map((client) => client[Symbol.asyncDispose]()))
})

test('a thousand strangers do not keep a client out', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  const strangers: RawSocket[] = []
  for (let n = 0; n < 1100; n++) strangers.push(await RawSocket.open(served.server.address))
  const first = strangers[0] as RawSocket
  t.equal((await first.rest()).length, GREETING_BYTES, 'the oldest makes room')
  t.equal(await fetchWhole(served), served.version.size)
  await Promise.all(strangers.map((stranger) => stranger[Symbol.asyncDispose]()))
})

test('half a request, and then the connection is gone', async (t) => {
  await using transport = tcpTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  for (const bytes of [whole(served).subarray(0, 1), whole(served).subarray(0, 30), whole(served)]) {
    const client = await RawSocket.open(served.server.address)
    const hello = await client.hello('secret')
    await new Promise((resolve) => client.socket.write(Buffer.concat([hello, bytes]), resolve))
    client.socket.destroy()
    await once(client.socket, 'close')
  }
  t.equal(await fetchWhole(served), served.version.size)
})
