import { decode, encode, type Link, type LinkHandlers, type Listener, listen } from '@dyad-ts/wire'
import { test } from 'tap'
import { rpcTransport } from '../../src/index.js'
import { serveFile } from '../support/served.js'

test('the token and the address', async (t) => {
  await using transport = rpcTransport({ token: 'secret' })
  await using served = await serveFile(transport)
  for (const token of [undefined, '', 'Secret', 'secrets']) {
    await using stranger = rpcTransport({ token })
    await t.rejects(stranger.fetch(served.server.address, served.version), { code: 'ERR_DYAD_DENIED' }, `${token}`)
  }
  await using friend = rpcTransport({ token: 'secret' })
  await (await friend.fetch(served.server.address, served.version)).close()
  await using open = rpcTransport({ host: '0.0.0.0' })
  await t.rejects(serveFile(open), { code: 'ERR_DYAD_BIND' })
  await served.server.close()
  await using late = rpcTransport({ token: 'secret' })
  await t.rejects(late.fetch(served.server.address, served.version), {
    code: 'ERR_DYAD_OWNER_UNREACHABLE',
    cause: { code: 'ECONNREFUSED' },
  })
  t.throws(() => rpcTransport({ chunkBytes: 0 }), { code: 'ERR_DYAD_OPTION' })
  t.throws(() => rpcTransport({ window: 1025 }), { code: 'ERR_DYAD_OPTION' })
})

const VERSION = { storage: '/x', path: 'x', size: 100, mtimeNs: 1n }
const data = (length: number) => Buffer.concat([Buffer.from([0xc1, 0, 0, 0, 0]), Buffer.alloc(length)])

/** Listens as a server of the transport does. */
async function listenAsOwner(accept: (link: Link) => LinkHandlers): Promise<Listener> {
  const listener: Listener = await listen({ maxFrameBytes: 65_536, audience: () => listener.url() }, accept)
  return listener
}

test('a server that breaks the protocol fails its transfers', async (t) => {
  const opened = encode({ op: 'opened', id: 0 })
  const answers: Record<string, Buffer[]> = {
    garbage: [Buffer.from('garbage')],
    'an unknown transfer': [encode({ op: 'opened', id: 9 })],
    'data before it opened': [data(10)],
    'too many bytes': [opened, data(101)],
    'no data': [opened, data(0)],
    'an early end': [opened, data(99), encode({ op: 'end', id: 0 })],
    'an end at once': [encode({ op: 'end', id: 0 })],
    'opened twice': [opened, opened],
    'chunks without credit': [opened, data(1), data(1), data(1), data(1), data(1)],
    'a code that is not ours': [encode({ op: 'error', id: 0, code: 'toString', detail: '' })],
  }
  for (const [name, answer] of Object.entries(answers)) {
    await using listener = await listenAsOwner((link) => ({
      message: (bytes) => {
        if ((decode(bytes) as { op: string }).op !== 'fetch') return
        for (const frame of answer) void link.send(frame)
      },
      closed: () => {},
    }))
    await using transport = rpcTransport({ window: 4 })
    const address = JSON.stringify({ v: 1, url: listener.url() })
    const read = async () => {
      const transfer = await transport.fetch(address, VERSION)
      for await (const chunk of transfer) t.ok(chunk.length <= 100)
    }
    await t.rejects(read(), { code: 'ERR_DYAD_PROTOCOL' }, name)
  }
})

test('an error of the owner arrives with its code and its words', async (t) => {
  await using listener = await listenAsOwner((link) => ({
    message: () => void link.send({ op: 'error', id: 0, code: 'ERR_DYAD_REFUSED', detail: 'no such luck' }),
    closed: () => {},
  }))
  await using transport = rpcTransport()
  const address = JSON.stringify({ v: 1, url: listener.url() })
  await t.rejects(transport.fetch(address, VERSION), { code: 'ERR_DYAD_REFUSED', detail: 'no such luck', path: 'x' })
})

test('one connection serves all transfers, and an idle one is closed', async (t) => {
  let links = 0
  let resolveClosed: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve
  })
  await using listener = await listenAsOwner((link) => {
    links++
    return {
      message: (bytes) => {
        const { op, id } = decode(bytes) as { op: string; id: number }
        if (op !== 'fetch') return
        void link.send({ op: 'opened', id })
        void link.send({ op: 'end', id })
      },
      closed: () => resolveClosed(),
    }
  })
  await using transport = rpcTransport({ idleMs: 20 })
  const address = JSON.stringify({ v: 1, url: listener.url() })
  const empty = { ...VERSION, size: 0 }
  const keep = setInterval(() => {}, 1000)
  const all = await Promise.all(Array.from({ length: 20 }, () => transport.fetch(address, empty)))
  for (const transfer of all) for await (const chunk of transfer) t.fail(`${chunk.length} bytes`)
  await closed
  t.equal(links, 1)
  for await (const chunk of await transport.fetch(address, empty)) t.fail(`${chunk.length} bytes`)
  t.equal(links, 2, 'the next transfer connects anew')
  clearInterval(keep)
})
