import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { test } from 'tap'
import { shakeHands } from '../../../test/harness/raw-link.js'
import { Inbox } from '../src/inbox.js'
import { hear } from './support/pair.js'

let seed = 1
const random = (below: number) => {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % below
}

/** Returns a WebSocket frame, masked if it is a client's. */
function frame(first: number, payload: Buffer, masked = true): Buffer {
  const { length } = payload
  const header = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  header[0] = first
  header[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (header.length === 4) header.writeUInt16BE(length, 2)
  if (header.length === 10) header.writeUInt32BE(length, 6)
  if (!masked) return Buffer.concat([header, payload])
  const mask = Buffer.from([random(256), random(256), random(256), random(256)])
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))])
}

const bytes = (length: number) => Buffer.from(Uint8Array.from({ length }, () => random(256)))

async function raw(there: Awaited<ReturnType<typeof hear>>): Promise<Socket> {
  const { length } = there.ears
  const socket = connectTcp(there.listener.port, '127.0.0.1')
  await shakeHands(socket)
  await there.accepted(length + 1)
  return socket
}

/** Returns messages and their bytes: most whole, some in parts with a ping between. */
function traffic(masked: boolean): { sent: Buffer[]; stream: Buffer } {
  const sent: Buffer[] = []
  const stream: Buffer[] = []
  for (let i = 0; i < 40; i++) {
    const payload = bytes([0, 1, 50, 125, 126, 300, 70_000][random(7)] ?? 0)
    sent.push(payload)
    if (random(6) > 0) {
      stream.push(frame(0x82, payload, masked))
      continue
    }
    const half = payload.length >> 1
    stream.push(frame(0x02, payload.subarray(0, half), masked), frame(0x89, bytes(3), masked))
    stream.push(frame(0x80, payload.subarray(half), masked))
  }
  return { sent, stream: Buffer.concat(stream) }
}

/** Cuts a stream into pieces at random places. */
function* pieces(stream: Buffer): Generator<Buffer> {
  for (let at = 0; at < stream.length; ) {
    const next = at + 1 + random(random(3) === 0 ? 5 : 3_000)
    yield Buffer.from(stream.subarray(at, next))
    at = next
  }
}

test('a handler of pieces gets long messages of a server in pieces, once and in order', async (t) => {
  let taken = 0
  let inPieces = 0
  for (let round = 0; round < 60; round++) {
    const { stream } = traffic(false)
    const got: Buffer[] = []
    let message: Buffer[] = []
    const inbox = new Inbox(false, 100_000, {
      isOpen: true,
      message(data) {
        taken++
        got.push(frame(0x82, data, false))
      },
      piece(data, left) {
        if (message.length === 0) t.ok(data.length >= 64 && data.length + left === 70_000, 'the first tells what it is')
        message.push(Buffer.from(data))
        if (left > 0) return
        inPieces++
        got.push(frame(0x82, Buffer.concat(message), false))
        message = []
      },
      rest: (data) => got.push(Buffer.from(data)),
    })
    for (const piece of pieces(stream)) {
      inbox.read(piece)
      // The inbox only borrows the piece.
      piece.fill(0)
    }
    t.equal(message.length, 0)
    t.ok(Buffer.concat(got).equals(stream))
  }
  t.ok(taken > 500, `${taken} came whole`)
  t.ok(inPieces > 100, `${inPieces} came in pieces`)
})

test('the inbox takes or leaves all bytes, once and in order, however they are cut', async (t) => {
  let taken = 0
  for (let round = 0; round < 60; round++) {
    const { stream } = traffic(false)
    const got: Buffer[] = []
    const inbox = new Inbox(false, 100_000, {
      isOpen: true,
      message(data) {
        taken++
        got.push(frame(0x82, data, false))
      },
      rest: (data) => got.push(Buffer.from(data)),
    })
    for (const piece of pieces(stream)) inbox.read(piece)
    t.ok(Buffer.concat(got).equals(stream))
  }
  t.ok(taken > 500, `${taken} were taken`)
})

test('messages arrive the same through the inbox and through ws', async (t) => {
  await using there = await hear()
  const socket = await raw(there)
  socket.resume()
  socket.setNoDelay(true)
  const ear = there.ears[0]
  const all: Buffer[] = []
  for (let round = 0; round < 5; round++) {
    const { sent, stream } = traffic(true)
    all.push(...sent)
    for (const piece of pieces(stream)) await new Promise((resolve) => socket.write(piece, resolve))
  }
  await ear?.received(all.length)
  t.ok(all.every((payload, i) => ear?.messages[i]?.equals(payload)))
  t.equal(ear?.messages.length, all.length)
  socket.destroy()
})

test('the inbox leaves anything but binary messages to ws, unchanged', async (t) => {
  const odd = {
    text: frame(0x81, bytes(5)),
    'not under a mask': frame(0x82, bytes(5), false),
    'a reserved bit': frame(0xc2, bytes(5)),
    'a reserved kind': frame(0x83, bytes(5)),
    'a part of none': frame(0x80, bytes(5)),
    'too long': frame(0x82, bytes(101)),
    'longer than there are numbers': Buffer.from([0x82, 0xff, ...Array.from({ length: 12 }, () => 0xff)]),
  }
  for (const [what, sent] of Object.entries(odd)) {
    const left: Buffer[] = []
    const inbox = new Inbox(true, 100, {
      isOpen: true,
      message: () => t.fail(what),
      rest: (data) => left.push(Buffer.from(data)),
    })
    for (const byte of sent) inbox.read(Buffer.from([byte]))
    inbox.read(Buffer.from(sent))
    t.same(Buffer.concat(left), Buffer.concat([sent, sent]), what)
  }
})

test('a message in parts that a whole one interrupts is a breach, as is one too long', async (t) => {
  await using there = await hear()
  for (const [i, sent] of [
    [frame(0x02, bytes(3)), frame(0x82, bytes(3))],
    [frame(0x02, bytes(3)), frame(0x89, bytes(3)), frame(0x82, bytes(3))],
    [frame(0x82, Buffer.alloc(1_000_001))],
    [frame(0x82, bytes(3), false)],
  ].entries()) {
    const socket = await raw(there)
    const closed = once(socket, 'close')
    socket.resume()
    socket.write(Buffer.concat(sent))
    socket.on('error', () => {})
    t.match(await there.ears[i]?.closed, { code: 'ERR_DYAD_PROTOCOL' })
    t.same(there.ears[i]?.messages, [])
    socket.destroy()
    await closed
  }
})
