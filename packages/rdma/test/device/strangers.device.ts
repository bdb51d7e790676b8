import type { Transfer } from '@dyad-ts/core'
import { makeNonce } from '@dyad-ts/wire'
import { type Test, test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import {
  dataFrame,
  errorFrame,
  type FetchFrame,
  fetchFrame,
  type Grant,
  grantFrame,
  helloOf,
  LAST,
  proofFrame,
  readMessage,
  readRejection,
  stoppedFrame,
  welcomeOf,
} from '../../src/transport/frames.js'
import { WC_STATUS } from '../../src/verbs/faults.js'
import { digestOf, failureOf, Storage } from '../support/files.js'
import { resources } from '../support/kernel.js'
import { OwnerProcess } from '../support/owner.js'
import { connectRaw, greetRaw, RawOwner, type RawPeer } from '../support/raw-peer.js'

const MIB = 1024 * 1024
const REFUSED = WC_STATUS.indexOf('REM_ACCESS_ERR')
const status = (code: number) => WC_STATUS[code]

test('strangers at an owner', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', 6 * MIB)
  const small = storage.write('small', 40)
  const owner = await OwnerProcess.serve(t, storage.path)
  const request: FetchFrame = { ...version, start: 0, end: version.size }
  const serves = async (t: Test, what: string) => {
    await using transport = rdmaTransport({ token: 'secret' })
    t.equal(await digestOf(await transport.fetch(owner.address, version)), digest, `${what}: others are served`)
    await owner.idle()
    t.match(await owner.counts(), { open: 0 }, `${what}: no file is open`)
  }

  await t.test('without the token they are served nothing, and their queue pair goes', async (t) => {
    for (const token of ['wrong', 'secre', '', undefined]) {
      await using transport = rdmaTransport({ token })
      await t.rejects(transport.fetch(owner.address, small.version), { code: 'ERR_DYAD_DENIED' })
    }
    const says: Record<string, (peer: RawPeer) => unknown> = {
      'a fetch': (peer) => peer.send(fetchFrame(1, request, [])),
      'a proof that is none': (peer) => peer.send(proofFrame(Buffer.alloc(32))),
      'a grant': (peer) => peer.send(grantFrame(1, [])),
    }
    for (const [what, say] of Object.entries(says)) {
      const { peer } = await greetRaw(t, owner.address, helloOf(makeNonce()))
      void say(peer)
      await peer.ended
      t.pass(what)
    }
    const wrong = await connectRaw(t, owner.address, 'wrong')
    await wrong.ended
    // A client that is served now was accepted after these were gone.
    await serves(t, 'meanwhile')
    t.equal(resources('qp', owner.pid), 0)
    t.match(await owner.counts(), { opened: 1 }, 'nothing was opened for them')
    for (const [hello, code] of [
      [Buffer.alloc(0), 'ERR_DYAD_PROTOCOL'],
      [Buffer.from('GET / HTTP/1.1'), 'ERR_DYAD_PROTOCOL'],
      [Buffer.alloc(56, 255), 'ERR_DYAD_PROTOCOL'],
    ] as const) {
      const rejected = await failureOf(greetRaw(t, owner.address, hello))
      const { event } = rejected as unknown as { event: { name: string; privateData: Buffer } }
      t.equal(event.name, 'REJECTED')
      t.equal(readRejection(event.privateData), code)
      t.equal(resources('qp', owner.pid), 0)
    }
    await serves(t, 'afterwards')
  })

  await t.test('with the token and without sense they lose their connection', async (t) => {
    const tooMany = Array.from({ length: 17 }, () => ({ address: 1, rkey: 1, length: 1 }))
    const fetch = fetchFrame(1, request, [])
    const beyond = Buffer.from(fetch)
    beyond.writeUInt16BE(4000, 37)
    const nothings: Record<string, (peer: RawPeer) => unknown> = {
      'no part': (peer) => peer.send(Buffer.alloc(0), Buffer.alloc(1)),
      'no message': (peer) => peer.send(Buffer.alloc(0)),
      'an unknown kind': (peer) => peer.send(Buffer.from([99, 0, 0, 0, 1])),
      'a number beyond those of transfers': (peer) => peer.send(Buffer.from([3, 255, 255, 255, 255])),
      'half a fetch': (peer) => peer.send(fetch.subarray(0, 30)),
      'texts beyond the message': (peer) => peer.send(beyond),
      'too many grants': (peer) => peer.send(grantFrame(1, tooMany)),
      'a number twice': async (peer) => {
        await peer.send(fetch)
        await peer.send(fetch)
      },
      'what owners say': (peer) => peer.send(errorFrame(1, { code: 'ERR_DYAD_GONE', detail: '' })),
      'receives that it was not given': (peer) => peer.send(fetch, Buffer.from([0, 255])),
      'parts without an end': async (peer) => {
        const part = Buffer.alloc(1000)
        for (let i = 0; i < 16; i++) void peer.send(part, Buffer.from([1, 0]))
      },
      'a write': (peer) => peer.end.post({ op: 'write', from: undefined, to: { address: 0, rkey: 0 }, immediate: 1 }),
    }
    for (const [what, say] of Object.entries(nothings)) {
      const peer = await connectRaw(t, owner.address)
      const said = say(peer)
      await peer.ended
      await said
      t.pass(what)
    }
    await serves(t, 'afterwards')
    t.equal(resources('qp', owner.pid), 0)
  })

  await t.test('a client that grants memory of others loses its connection, and no memory is lost', async (t) => {
    for (let round = 0; round < 12; round++) {
      const peer = await connectRaw(t, owner.address)
      const { region } = peer.end
      // The key of a region that was never opened to a peer, and a key that does not exist.
      const rkey = round % 2 === 0 ? region.rkey : 0x1234_5678
      const grant = { address: region.address, rkey, length: 2 * MIB }
      await peer.send(fetchFrame(1, request, [grant, grant, grant]))
      await peer.ended
    }
    await serves(t, 'afterwards')
  })
})

test('hostile owners', async (t) => {
  const version = { storage: '/somewhere', path: 'file', size: 100_000, mtimeNs: 1n }
  const bytes = Buffer.alloc(version.size, 'x')
  const fetched = async (peer: RawPeer) => {
    const message = readMessage(await peer.message())
    if (message.kind !== 'fetch') throw new Error(message.kind)
    return message
  }
  /** Writes the right bytes. Resolves with the grant. */
  const serve = async (t: Test, peer: RawPeer): Promise<Grant> => {
    const { id, grants } = await fetched(peer)
    let at = 0
    for (const { address, rkey, length } of grants) {
      const part = bytes.subarray(at, at + length)
      at += part.length
      t.equal(status(await peer.write(part, { address, rkey }, id + (at === bytes.length ? LAST : 0))), 'SUCCESS')
    }
    return grants[0] as Grant
  }
  /**
   * A refused write ends the connection. The consumer asks for the file anew, over another.
   */
  const servesAfter = async (t: Test, owner: RawOwner, asked: Promise<Transfer>, write: () => Promise<number>) => {
    const reconnected = owner.connection()
    t.equal(status(await write()), status(REFUSED))
    const peer = await reconnected
    await serve(t, peer)
    t.equal(await digestOf(await asked), await digestOf(asStream(bytes)))
    peer.end[Symbol.dispose]()
  }
  const settings = async (t: Test) => {
    const owner = new RawOwner(t)
    const transport = rdmaTransport({ token: 'secret' })
    t.teardown(() => transport.close())
    return { owner, transport, fetch: () => transport.fetch(owner.address, version) }
  }

  await t.test('one that writes as it should is believed', async (t) => {
    const { owner, fetch } = await settings(t)
    const fetching = fetch()
    const peer = await owner.connection()
    await serve(t, peer)
    t.equal(await digestOf(await fetching), await digestOf(asStream(bytes)))
    peer.end[Symbol.dispose]()
  })

  await t.test('one that writes again, with the key of a transfer that has ended, reaches nothing', async (t) => {
    const { owner, fetch } = await settings(t)
    const first = fetch()
    const peer = await owner.connection()
    const grant = await serve(t, peer)
    await digestOf(await first)
    // The second request comes only once the first key is withdrawn.
    const second = fetch()
    await fetched(peer)
    await servesAfter(t, owner, second, () => peer.write(bytes, grant))
    peer.end[Symbol.dispose]()
  })

  await t.test('one that writes after it said that it stopped reaches nothing', async (t) => {
    const { owner, fetch } = await settings(t)
    const fetching = fetch()
    const peer = await owner.connection()
    const { id, grants } = await fetched(peer)
    const [grant] = grants as [Grant]
    t.equal(status(await peer.write(bytes.subarray(0, grant.length), grant, id)), 'SUCCESS')
    await (await fetching).close()
    t.equal(readMessage(await peer.message()).kind, 'stop')
    await peer.send(stoppedFrame(id))
    const second = fetch()
    await fetched(peer)
    await servesAfter(t, owner, second, () => peer.write(bytes, grant))
    peer.end[Symbol.dispose]()
  })

  await t.test('one that writes beyond all that was granted reaches nothing', async (t) => {
    const { owner, fetch } = await settings(t)
    for (const away of [-64 * MIB, 64 * MIB]) {
      const fetching = failureOf(fetch())
      const peer = await owner.connection()
      const { grants } = await fetched(peer)
      const [{ address, rkey }] = grants as [Grant]
      t.equal(status(await peer.write(bytes, { address: address + away, rkey })), status(REFUSED))
      t.match(await fetching, { code: 'ERR_DYAD_TRANSFER' })
      peer.end[Symbol.dispose]()
    }
  })

  const lies: Record<string, (peer: RawPeer, id: number, grant: Grant) => unknown> = {
    'the file is whole before it is': (peer, id, grant) => peer.write(bytes.subarray(0, 10), grant, id + LAST),
    'more is written than was granted': async (peer, id, grant) => {
      for (let i = 0; i < 5; i++) await peer.write(bytes.subarray(0, 10), grant, id)
    },
    'what is of another transfer': (peer, id, grant) => peer.write(bytes.subarray(0, 10), grant, id + 1),
    'a short file in the place of a long one': (peer, id) => peer.send(dataFrame(id, 500).message),
    'it stopped without being asked to': (peer, id) => peer.send(stoppedFrame(id)),
    'what clients say': (peer, id) => peer.send(grantFrame(id, [])),
    'nothing of sense': (peer) => peer.send(Buffer.from([99, 0, 0, 0, 0])),
  }
  for (const [what, lie] of Object.entries(lies)) {
    await t.test(`one that says: ${what}`, async (t) => {
      const { owner, fetch } = await settings(t)
      const fetching = failureOf(fetch().then(digestOf))
      const peer = await owner.connection()
      const { id, grants } = await fetched(peer)
      const said = lie(peer, id, grants[0] as Grant)
      t.match(await fetching, { code: /^ERR_DYAD_(PROTOCOL|TRANSFER)$/ })
      await peer.ended
      await said
      peer.end[Symbol.dispose]()
    })
  }

  await t.test('one that does not know the token', async (t) => {
    const { owner, fetch } = await settings(t)
    for (const welcome of [welcomeOf(makeNonce(), makeNonce()), welcomeOf(Buffer.alloc(32), Buffer.alloc(32))]) {
      const fetching = failureOf(fetch())
      const peer = await owner.connection(welcome)
      t.match(await fetching, { code: 'ERR_DYAD_DENIED', message: /does not prove that it knows the token/ })
      peer.end[Symbol.dispose]()
    }
  })

  await t.test('one that is none of ours', async (t) => {
    const { owner, fetch } = await settings(t)
    const fetching = failureOf(fetch())
    const peer = await owner.connection(Buffer.from('HTTP/1.1 200'))
    t.match(await fetching, { code: /^ERR_DYAD_(PROTOCOL|OWNER_UNREACHABLE)$/ })
    peer.end[Symbol.dispose]()
  })
})

async function* asStream(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}
