import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decodeNodeEntry } from '@dyad-ts/core/internal'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { test } from 'tap'
import { shakeHands } from '../../../../test/harness/raw-link.js'
import { COMMAND, firstLine, type Running, Sandbox } from './command.js'

const STRANGERS = 600
/** More than the number of modules to load, which may all be open at once. */
const DESCRIPTORS = 512
const TOKEN = 'a token of this test alone'

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
/**
 * The first bytes of peers that are not admitted. They send no more, and neither read nor hang up.
 */
const WORDS: Record<string, readonly string[]> = {
  'a refused upgrade and one byte more': [`${UPGRADE}\r\n`, 'x'],
  'an upgrade without a proof': [`${UPGRADE}dyad-nonce: ${'A'.repeat(43)}\r\n\r\n`],
  'an upgrade and half a proof': [`${UPGRADE}dyad-nonce: ${'A'.repeat(43)}\r\n\r\n`, '\x82\xa0'],
  'half a header': ['GET / HT'],
  'a request that is no upgrade': ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  nothing: [],
}

async function stranger(port: number, words: readonly string[]): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.pause()
  const [first, ...more] = words
  if (first === undefined) return socket
  await new Promise((resolve) => socket.write(first, 'latin1', resolve))
  for (const word of more) setTimeout(() => socket.write(word, 'latin1'), 5)
  return socket
}

const KINDS: Record<string, readonly (readonly string[])[]> = {
  'a refused upgrade and one byte more': [WORDS['a refused upgrade and one byte more'] ?? []],
  'of all kinds': Object.values(WORDS),
}

/** Starts a broker with few descriptors, which all commands of the sandbox use. */
async function startBroker(sandbox: Sandbox): Promise<{ broker: Running; url: string }> {
  sandbox.env['DYAD_TOKEN'] = TOKEN
  const limited = ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', process.execPath, COMMAND]
  const broker = sandbox.spawn(['broker', '--json', '--kvs', 'ws://127.0.0.1:0'], {}, limited)
  const { kvs } = JSON.parse(await firstLine(broker)) as { kvs: string }
  sandbox.env['DYAD_KVS'] = kvs
  return { broker, url: kvs }
}

for (const [what, kinds] of Object.entries(KINDS)) {
  test(`${STRANGERS} strangers at a broker with ${DESCRIPTORS} descriptors: ${what}`, async (t) => {
    await using sandbox = await Sandbox.make()
    const { broker, url } = await startBroker(sandbox)
    const sockets: Socket[] = []
    const port = Number(new URL(url).port)
    for (let n = 0; n < STRANGERS; n++) sockets.push(await stranger(port, kinds[n % kinds.length] ?? []))
    t.match(await sandbox.run(['ls']), { code: 0 }, 'an honest client is served')
    broker.child.kill('SIGTERM')
    t.match(await broker.ended, { code: 0 }, 'it ends when it is told to, while they are there')
    for (const socket of sockets) socket.destroy()
  })
}

test('peers that know the token are bounded, too, and one that leaves makes room', async (t) => {
  await using sandbox = await Sandbox.make()
  const { broker, url } = await startBroker(sandbox)
  const client = (connectTimeout?: number) => brokerKvs({ url, token: TOKEN, connectTimeout })
  const clients = Array.from({ length: DESCRIPTORS / 2 }, () => client())
  const [first] = clients
  t.equal((await Promise.all(clients.map((each) => each.stats()))).length, DESCRIPTORS / 2)
  await using late = client(1_000)
  await t.rejects(late.stats(), {
    code: 'ERR_DYAD_KVS_UNREACHABLE',
    message: /it has no room for another connection/,
  })
  await first?.close()
  await using next = client()
  t.match(await next.stats(), { links: DESCRIPTORS / 2 })
  broker.child.kill('SIGTERM')
  t.match(await broker.ended, { code: 0 })
  await Promise.all(clients.map((each) => each.close()))
})

test('admitted peers that neither read nor hang up keep neither `dyad stop` nor SIGTERM waiting', async (t) => {
  await using sandbox = await Sandbox.make()
  const { broker, url } = await startBroker(sandbox)
  t.match(await sandbox.run(['start', '-d', '--node', 'n1', sandbox.at('n1')], { DYAD_DTL_MODE: 'rpc' }), { code: 0 })
  await using client = brokerKvs({ url, token: TOKEN })
  const registered = await client.registry.get('n1')
  if (registered === undefined) throw new Error('not registered')
  const rpc = decodeNodeEntry(registered).transports.find(({ name }) => name === 'rpc')
  const service = (JSON.parse(rpc?.address ?? '{}') as { url: string }).url
  const sockets: Socket[] = []
  for (const [at, audience] of [
    [service, service],
    [url, ''],
  ] as const) {
    for (let n = 0; n < 5; n++) {
      const socket = connect({ port: Number(new URL(at).port), host: '127.0.0.1', allowHalfOpen: true })
      sockets.push(socket.on('error', () => {}))
      await once(socket, 'connect')
      t.match(await shakeHands(socket, TOKEN, audience), /^HTTP\/1.1 101/)
      socket.pause()
    }
  }
  while ((await client.stats()).links < 7);
  t.match(await sandbox.run(['stop', '--node', 'n1']), { code: 0 })
  broker.child.kill('SIGTERM')
  t.match(await broker.ended, { code: 0 })
  for (const socket of sockets) socket.destroy()
})
