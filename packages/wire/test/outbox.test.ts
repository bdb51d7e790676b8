import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { test } from 'tap'
import { connect } from '../src/index.js'
import { Outbox } from '../src/outbox.js'
import { Ear, hear } from './support/pair.js'
import { openPlain } from './support/plain.js'

const OPTIONS = { maxFrameBytes: 1_000_000 }
const LENGTHS = [0, 1, 63, 64, 125, 126, 127, 4096, 4097, 65_521, 65_522, 65_535, 65_536, 200_000]

/** Returns bytes that depend on their place and on the length. */
const message = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 251))

test('messages of every length arrive whole and in order, both ways', async (t) => {
  await using there = await hear()
  const here = new Ear()
  const link = await connect(there.listener.url(), OPTIONS, () => here.handlers)
  await there.first
  const [ear, remote] = [there.ears[0], there.links[0]]
  if (ear === undefined || remote === undefined) throw new Error('no link')
  for (const [end, other] of [
    [link, ear],
    [remote, here],
  ] as const) {
    for (const length of LENGTHS) {
      const bytes = message(length)
      // The first is copied, the second may be handed over as it is. Neither overtakes.
      end.post(bytes)
      void end.send(message(length))
      bytes.fill(0)
    }
    await other.received(LENGTHS.length * 2)
    for (const [i, length] of LENGTHS.entries()) {
      t.ok(other.messages[2 * i]?.equals(message(length)), `posted ${length}`)
      t.ok(other.messages[2 * i + 1]?.equals(message(length)), `sent ${length}`)
    }
  }
})

test('a part of a buffer is a message', async (t) => {
  await using there = await hear()
  const link = await connect(there.listener.url(), OPTIONS, () => new Ear().handlers)
  await there.first
  link.post(Buffer.from('message and more'), 7)
  await there.ears[0]?.received(1)
  t.equal(there.ears[0]?.messages[0]?.toString(), 'message')
})

test('a message without hurry goes with the next one, or before a close', async (t) => {
  await using there = await hear()
  const link = await connect(there.listener.url(), OPTIONS, () => new Ear().handlers)
  await there.first
  const ear = there.ears[0]
  link.post(Buffer.from('later'), 5, false)
  t.ok(link.unsentBytes > 0)
  link.post(Buffer.from('now'))
  await ear?.received(2)
  link.post(Buffer.from('last'), 4, false)
  link.close()
  await ear?.closed
  t.same(
    ear?.messages.map((bytes) => bytes.toString()),
    ['later', 'now', 'last'],
  )
  link.post(Buffer.from('too late'))
})

test('the messages of one turn are one write; a client masks each with a mask of its own', async (t) => {
  for (const masked of [true, false]) {
    const writes: Buffer[] = []
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        writes.push(Buffer.from(chunk))
        done()
      },
    })
    const outbox = new Outbox(socket, masked)
    const bytes = message(50)
    for (let i = 0; i < 100; i++) outbox.add(bytes, bytes.length, true)
    t.equal(writes.length, 0)
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(writes.length, 1)
    t.equal(writes[0]?.length, 100 * (2 + (masked ? 4 : 0) + 50))
    if (masked) {
      const masks = new Set(Array.from({ length: 100 }, (_, i) => writes[0]?.toString('hex', i * 56 + 2, i * 56 + 6)))
      t.ok(masks.size > 90, `${masks.size} masks`)
    }
  }
})

test('a peer that speaks WebSocket and nothing of ours but the handshake understands it', async (t) => {
  await using there = await hear()
  const socket = openPlain(there.listener.url())
  await there.first
  const remote = there.links[0]
  const got = once(socket, 'message')
  remote?.post(Buffer.from('plain'))
  t.equal(String((await got)[0]), 'plain')
  socket.terminate()
})

test('a block that the socket still holds is not written to', async (t) => {
  const held: { chunk: Buffer; done: () => void }[] = []
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      held.push({ chunk, done })
    },
  })
  const outbox = new Outbox(socket, false)
  outbox.add(message(20), 20, true)
  outbox.flush()
  outbox.add(message(30), 30, true)
  outbox.flush()
  t.same(held[0]?.chunk.subarray(2), message(20))
  held[0]?.done()
  await new Promise((resolve) => setImmediate(resolve))
  t.same(held[1]?.chunk.subarray(2), message(30))
})
