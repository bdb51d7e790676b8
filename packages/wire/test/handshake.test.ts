import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createNetServer, connect as dial, type Socket } from 'node:net'
import { test } from 'tap'
import { Sniffer } from '../../../test/harness/sniffer.js'
import { connect, makeNonce, proofOf, proves } from '../src/index.js'
import { PROOF_FRAME_BYTES } from '../src/upgrade.js'
import { Ear, hear } from './support/pair.js'
import { openPlain } from './support/plain.js'

const TOKEN = 'a token that nobody should see'
const OPTIONS = { maxFrameBytes: 1000 }
const nobody = () => ({ message: () => {}, closed: () => {} })

const dialled = async (port: number): Promise<Socket> => {
  const socket = dial(port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Resolves with all bytes until the peer hangs up. */
async function rest(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (bytes: Buffer) => parts.push(bytes))
  if (!socket.closed) await once(socket, 'close')
  return Buffer.concat(parts)
}

test('a proof is that of one end, of one token, for one audience and one pair of nonces', (t) => {
  const handshake = { token: TOKEN, audience: 'a', clientNonce: makeNonce(), serverNonce: makeNonce() }
  const proof = proofOf('client', handshake)
  t.ok(proves(proof, 'client', handshake))
  t.notOk(proves(proof, 'server', handshake))
  for (const other of [
    { token: undefined },
    { token: `${TOKEN}.` },
    { audience: 'b' },
    { audience: '' },
    { clientNonce: makeNonce() },
    { serverNonce: makeNonce() },
    { clientNonce: handshake.serverNonce, serverNonce: handshake.clientNonce },
  ]) {
    t.notOk(proves(proof, 'client', { ...handshake, ...other }), Object.keys(other).join())
  }
  for (const broken of [Buffer.alloc(0), proof.subarray(1), Buffer.concat([proof, proof])]) {
    t.notOk(proves(broken, 'client', handshake), `${broken.length} bytes`)
  }
  t.ok(proves(proofOf('client', { ...handshake, token: '' }), 'client', { ...handshake, token: undefined }), 'open')
  t.end()
})

test('neither the token nor a secret made of it crosses the wire, and a replay of the handshake fails', async (t) => {
  await using there = await hear({ token: TOKEN })
  await using sniffer = await Sniffer.before(there.listener.port)
  const link = await connect(`ws://127.0.0.1:${sniffer.port}`, { ...OPTIONS, token: TOKEN }, nobody)
  await link.send('hello')
  await there.first
  await there.ears[0]?.received(1)
  link.close()
  await there.ears[0]?.closed
  const [{ toServer, toClient }] = sniffer.heard as [{ toServer: Buffer; toClient: Buffer }]
  const secrets = [Buffer.from(TOKEN), createHash('sha256').update(TOKEN).digest()]
  secrets.push(createHash('sha256').update(`Bearer ${TOKEN}`).digest(), createHmac('sha256', TOKEN).digest())
  const spellings = secrets.flatMap((secret) => [
    secret,
    ...(['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(secret.toString(encoding))),
  ])
  for (const bytes of [toServer, toClient, unmasked(toServer)]) {
    for (const spelling of spellings) t.notOk(bytes.includes(spelling))
  }

  const replay = await dialled(there.listener.port)
  replay.write(toServer)
  const answer = await rest(replay)
  t.match(answer.toString('latin1'), /^HTTP\/1.1 101 /)
  t.equal(answer.indexOf('\r\n\r\n'), answer.length - 4, 'nothing beyond the answer to the upgrade')
  t.equal(there.links.length, 1, 'there is no link')
})

test('a stranger at the port of a listener that is gone learns nothing, and is refused', async (t) => {
  const there = await hear({ token: TOKEN })
  const { port } = there.listener
  await using sniffer = await Sniffer.before(port)
  const first = await connect(`ws://127.0.0.1:${sniffer.port}`, { ...OPTIONS, token: TOKEN }, nobody)
  await there.first
  first.terminate()
  const recorded = sniffer.heard[0]?.toClient ?? Buffer.alloc(0)
  await there.listener.close()
  const heads: Record<string, (key: string) => string | Buffer> = {
    'an answer without a proof': (key) => upgraded(key, []),
    'a proof that is none': (key) => upgraded(key, [`dyad-nonce: ${'A'.repeat(43)}`, `dyad-proof: ${'B'.repeat(43)}`]),
    'a proof of another length': (key) => upgraded(key, [`dyad-nonce: ${'A'.repeat(43)}`, 'dyad-proof: QUFB']),
    'what an honest listener said before': (key) => {
      const head = recorded.toString('latin1')
      return upgraded(
        key,
        head.split('\r\n').filter((line) => line.startsWith('dyad-')),
      )
    },
  }
  for (const [what, answer] of Object.entries(heads)) {
    const heard: Buffer[] = []
    const fake = createNetServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes: Buffer) => {
        heard.push(bytes)
        if (heard.length === 1) socket.write(answer(/^sec-websocket-key: (\S+)/im.exec(bytes.toString())?.[1] ?? ''))
      })
    }).listen(port, '127.0.0.1')
    await once(fake, 'listening')
    await t.rejects(
      connect(`ws://127.0.0.1:${port}`, { ...OPTIONS, token: TOKEN }, nobody),
      { code: 'ERR_DYAD_DENIED', message: /does not prove that it knows the token/ },
      what,
    )
    fake.close()
    await once(fake, 'close')
    t.equal(heard.length, 1, 'it heard the upgrade and nothing else')
  }
})

test('a fake cannot use the proof of a listener for another audience', async (t) => {
  await using there = await hear({ token: TOKEN, audience: () => 'ws://node1:1' })
  for (const audience of ['', 'ws://node2:1', undefined]) {
    await t.rejects(connect(there.listener.url(), { ...OPTIONS, token: TOKEN, audience }, nobody), {
      code: 'ERR_DYAD_DENIED',
    })
  }
  const link = await connect(there.listener.url(), { ...OPTIONS, token: TOKEN, audience: 'ws://node1:1' }, nobody)
  await there.first
  link.close()
})

test('a listener refuses a client without the token, whatever it sends instead of a proof', async (t) => {
  await using there = await hear({ token: TOKEN })
  for (const token of [undefined, '', 'another', TOKEN.slice(1)]) {
    const socket = openPlain(there.listener.url(), token)
    socket.on('open', () => socket.send('and a message'))
    await once(socket, 'close')
  }
  t.equal(there.links.length, 0)
  const plain = openPlain(there.listener.url(), TOKEN)
  await there.first
  plain.send(Buffer.from('served'))
  await there.ears[0]?.received(1)
  plain.terminate()
})

test('without a token both ends prove that they have none', async (t) => {
  await using there = await hear()
  await t.rejects(connect(there.listener.url(), { ...OPTIONS, token: TOKEN }, nobody), { code: 'ERR_DYAD_DENIED' })
  const link = await connect(there.listener.url(), OPTIONS, nobody)
  await there.first
  link.close()
})

test('the proof goes with the first messages, in pieces of any length, and no message is read before it', async (t) => {
  await using there = await hear({ token: TOKEN })
  await using sniffer = await Sniffer.before(there.listener.port)
  const here = new Ear()
  const link = await connect(`ws://127.0.0.1:${sniffer.port}`, { ...OPTIONS, token: TOKEN }, (made) => {
    made.post(Buffer.from('first'))
    return here.handlers
  })
  link.post(Buffer.from('second'))
  await there.first
  await there.ears[0]?.received(2)
  t.same(there.ears[0]?.messages.map(String), ['first', 'second'])
  const head = sniffer.heard[0]?.toServer.indexOf('\r\n\r\n') ?? 0
  const sent = sniffer.heard[0]?.toServer.length ?? 0
  t.equal(sent - head - 4, PROOF_FRAME_BYTES + 6 + 5 + 6 + 6)
  link.close()
})

function upgraded(key: string, lines: string[]): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  return [...head, `Sec-WebSocket-Accept: ${accept}`, ...lines, '', ''].join('\r\n')
}

/** Returns the payloads of a client's short frames. */
function unmasked(toServer: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = toServer.indexOf('\r\n\r\n') + 4
  while (at + 6 <= toServer.length) {
    const length = (toServer[at + 1] as number) & 0x7f
    const mask = toServer.subarray(at + 2, at + 6)
    parts.push(Buffer.from(toServer.subarray(at + 6, at + 6 + length).map((byte, i) => byte ^ (mask[i & 3] as number))))
    at += 6 + length
  }
  return Buffer.concat(parts)
}
