import { createHash, createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { PROOF_BYTES } from '@dyad-ts/wire'
import { test } from 'tap'
import { loopbackCertificate } from '../../../../test/harness/certificate.js'
import { Sniffer } from '../../../../test/harness/sniffer.js'
import { tcpTransport } from '../../src/index.js'
import { errorReply, GREETING_BYTES, HELLO_BYTES, readReply, welcomeOf } from '../../src/tcp/frames.js'
import { RawSocket, rawServer } from '../support/raw-tcp.js'
import { serveFile } from '../support/served.js'

const TOKEN = 'a token that nobody should see'
const VERSION = { storage: '/x', path: 'x', size: 100, mtimeNs: 1n }

test('neither the token nor a secret made of it crosses the wire, and a replay of the handshake fails', async (t) => {
  await using transport = tcpTransport({ token: TOKEN })
  await using served = await serveFile(transport)
  const port = Number(new URL(served.url).port)
  await using sniffer = await Sniffer.before(port)
  // The client's audience is the owner behind the sniffer.
  const { port: other } = sniffer
  await using behind = tcpTransport({ token: TOKEN, host: '127.0.0.1' })
  await t.rejects(
    behind.fetch(served.server.address.replace(`:${port}`, `:${other}`), served.version),
    { code: 'ERR_DYAD_DENIED' },
    'who stands between is no owner, though it passes everything on',
  )
  // It connects past the sniffer, as a listener on the network would.
  const raw = await RawSocket.open(served.server.address.replace(`:${port}`, `:${other}`))
  const hello = await raw.hello(TOKEN, served.url)
  raw.send(hello)
  t.equal(readReply(await raw.take(3 + PROOF_BYTES)).kind, 'welcome')
  await raw[Symbol.asyncDispose]()
  const secrets = [Buffer.from(TOKEN), createHash('sha256').update(TOKEN).digest()]
  secrets.push(createHash('sha256').update(`DYAD over TCP\n${TOKEN}`).digest(), createHmac('sha256', TOKEN).digest())
  const directions = sniffer.heard.flatMap(({ toServer, toClient }) => [toServer, toClient])
  t.equal(directions.length, 4)
  for (const heard of directions) {
    t.ok(heard.length > 0)
    for (const secret of secrets) {
      for (const encoding of ['latin1', 'hex', 'base64'] as const) {
        t.notOk(heard.includes(secret.toString(encoding), 0, 'latin1'))
      }
    }
  }
  await using replay = await RawSocket.open(served.server.address)
  await replay.take(GREETING_BYTES)
  replay.send(hello)
  t.match(readReply(await replay.rest()), { kind: 'error', code: 'ERR_DYAD_DENIED' })
})

test('an owner that does not prove itself is not believed, and hears nothing that opens another', async (t) => {
  await using transport = tcpTransport({ token: TOKEN })
  await using served = await serveFile(transport)
  const heard: Buffer[] = []
  const answers: Record<string, Buffer> = {
    'a proof that is none': welcomeOf(randomBytes(PROOF_BYTES)),
    'no proof, and a file': Buffer.from([1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100, ...Buffer.alloc(100), 2, 0, 0]),
    'no proof, and an error of the file': errorReply({ code: 'ERR_DYAD_GONE', detail: '' }),
    'a refusal': errorReply({ code: 'ERR_DYAD_DENIED', detail: '' }),
  }
  for (const [what, answer] of Object.entries(answers)) {
    await using fake = await rawServer(() => {}, {
      welcome: (hello) => {
        heard.push(hello.subarray(0, HELLO_BYTES))
        return answer
      },
    })
    await t.rejects(transport.fetch(fake.address, VERSION), { code: 'ERR_DYAD_DENIED' }, what)
  }
  // An owner without a token proves that it has none.
  await using open = await rawServer(() => {})
  await t.rejects(transport.fetch(open.address, VERSION), {
    code: 'ERR_DYAD_DENIED',
    message: /does not prove that it knows the token/,
  })
  t.equal(heard.length, 4)
  for (const hello of heard) {
    await using client = await RawSocket.open(served.server.address)
    await client.take(GREETING_BYTES)
    client.send(hello)
    t.match(readReply(await client.rest()), { kind: 'error', code: 'ERR_DYAD_DENIED' })
  }
})

test('a fake that passes on the greeting of another owner is refused by both sides', async (t) => {
  await using transport = tcpTransport({ token: TOKEN })
  await using served = await serveFile(transport)
  await using real = await RawSocket.open(served.server.address)
  const greeting = await real.take(GREETING_BYTES)
  const fake = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(greeting)
    socket.once('data', async (bytes: Buffer) => {
      real.send(bytes.subarray(0, HELLO_BYTES))
      socket.end(await real.rest())
    })
  }).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  const { port } = fake.address() as { port: number }
  const address = JSON.stringify({ v: 1, url: `tcp://127.0.0.1:${port}` })
  await t.rejects(transport.fetch(address, VERSION), { code: 'ERR_DYAD_DENIED' })
  fake.close()
  await once(fake, 'close')
})

test('connections that say nothing, over TLS too, are ended, and keep no server from closing', async (t) => {
  for (const tls of [undefined, loopbackCertificate()]) {
    await using transport = tcpTransport({ token: TOKEN, tls })
    const served = await serveFile(transport)
    const silent: RawSocket[] = []
    for (let n = 0; n < 20; n++) {
      const socket = await RawSocket.open(served.server.address)
      // Half of a TLS handshake, or of a hello.
      if (n % 2 === 1) socket.send(tls ? Buffer.from('16030100', 'hex') : Buffer.from('DYAD'))
      silent.push(socket)
    }
    await served[Symbol.asyncDispose]()
    for (const socket of silent) await socket.rest()
    t.pass(tls ? 'TLS' : 'plain')
  }
})
