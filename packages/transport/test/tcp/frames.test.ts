import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import {
  errorReply,
  GREETING_BYTES,
  greetingOf,
  HELLO_BYTES,
  helloOf,
  MAX_REQUEST_BYTES,
  OPENED_BYTES,
  REPLY_HEAD_BYTES,
  REQUEST_HEAD_BYTES,
  readGreeting,
  readHello,
  readReply,
  readRequest,
  replyLength,
  requestLength,
  requestOf,
  VERIFIED_BYTES,
  welcomeOf,
  writeOpened,
  writeVerified,
} from '../../src/tcp/frames.js'

const REQUEST = {
  storage: '/a/ü',
  path: 'b/日本',
  size: 2 ** 53 - 1,
  mtimeNs: -1n,
  start: 2 ** 40 + 1,
  end: 2 ** 52 + 3,
}
const body = (bytes: Buffer) => bytes.subarray(REQUEST_HEAD_BYTES)

test('greeting, hello and welcome arrive as they were', (t) => {
  const [one, other] = [randomBytes(32), randomBytes(32)]
  const greeting = greetingOf(one)
  t.equal(greeting.length, GREETING_BYTES)
  t.same(readGreeting(Buffer.concat([greeting, other])), one)
  for (const length of [0, 7, 8, GREETING_BYTES - 1]) t.equal(readGreeting(greeting.subarray(0, length)), undefined)
  const hello = helloOf(one, other)
  t.equal(hello.length, HELLO_BYTES)
  t.same(readHello(hello), { nonce: one, proof: other })
  for (const length of [0, 7, 8, HELLO_BYTES - 1]) t.equal(readHello(hello.subarray(0, length)), undefined)
  const welcome = welcomeOf(other)
  t.equal(replyLength(welcome, 0), welcome.length - REPLY_HEAD_BYTES)
  t.same(readReply(welcome), { kind: 'welcome', proof: other })
  for (const bytes of [Buffer.alloc(HELLO_BYTES), Buffer.from(`GET / HTTP/1.1\r\nHost: x${' '.repeat(60)}`)]) {
    t.throws(() => readHello(bytes), { code: 'ERR_DYAD_PROTOCOL' })
    t.throws(() => readHello(bytes.subarray(0, 1)), { code: 'ERR_DYAD_PROTOCOL' })
    t.throws(() => readGreeting(bytes), { code: 'ERR_DYAD_PROTOCOL' })
    t.throws(() => readGreeting(bytes.subarray(0, 5)), { code: 'ERR_DYAD_PROTOCOL' })
  }
  t.end()
})

test('a request arrives as it was', (t) => {
  const requests = [REQUEST, { storage: '', path: '', size: 0, mtimeNs: 2n ** 63n - 1n, start: 0, end: 0 }]
  for (const request of requests) {
    const bytes = requestOf(request)
    t.equal(requestLength(bytes), bytes.length - REQUEST_HEAD_BYTES)
    t.strictSame(readRequest(body(bytes)), request)
  }
  const longest = { ...REQUEST, storage: 's'.repeat(4096), path: 'p'.repeat(4096) }
  t.equal(requestOf(longest).length, REQUEST_HEAD_BYTES + MAX_REQUEST_BYTES)
  t.strictSame(readRequest(body(requestOf(longest))), longest)
  for (const wrong of [{ path: 'x'.repeat(4097) }, { storage: 'ü'.repeat(2049) }, { mtimeNs: 2n ** 63n }]) {
    t.throws(() => requestOf({ ...REQUEST, ...wrong }), { code: 'ERR_DYAD_PROTOCOL' })
  }
  t.end()
})

test('a malformed request is refused', (t) => {
  const good = requestOf(REQUEST)
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(body(good))
    change(bytes)
    return bytes
  }
  const bad: Record<string, Buffer> = {
    'a size beyond 2^53': changed((bytes) => bytes.fill(0xff, 0, 8)),
    'a start beyond 2^53': changed((bytes) => bytes.fill(0x80, 16, 17)),
    'an end beyond 2^53': changed((bytes) => bytes.writeUInt32BE(2 ** 21, 24)),
    'a storage longer than the request': changed((bytes) => bytes.writeUInt16BE(bytes.length, 32)),
    'a path over its bound': Buffer.concat([changed((bytes) => bytes.writeUInt16BE(0, 32)), Buffer.alloc(4097, 'x')]),
    'text that is not UTF-8': changed((bytes) => bytes.fill(0xff, 34, 35)),
    'a character cut in two': body(good).subarray(0, -1),
  }
  for (const [name, bytes] of Object.entries(bad)) {
    t.throws(() => readRequest(bytes), { code: 'ERR_DYAD_PROTOCOL' }, name)
  }
  for (const length of [0, 33, MAX_REQUEST_BYTES + 1, 65_535]) {
    const head = Buffer.alloc(2)
    head.writeUInt16BE(length)
    t.throws(() => requestLength(head), { code: 'ERR_DYAD_PROTOCOL' }, `${length} bytes`)
  }
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(34 + (round % 300))
    try {
      const { size, start, end, path } = readRequest(bytes)
      t.ok([size, start, end].every((value) => Number.isSafeInteger(value) && value >= 0) && path.length <= 4096)
    } catch (error) {
      t.match(error, { code: 'ERR_DYAD_PROTOCOL' })
    }
  }
  t.end()
})

test('replies arrive as they were, and nothing else does', (t) => {
  const bytes = Buffer.alloc(64, 0xee)
  writeOpened(bytes, 20, 2 ** 40 + 7)
  writeVerified(bytes, 20)
  const opened = bytes.subarray(20 - OPENED_BYTES, 20)
  t.equal(replyLength(bytes, 20 - OPENED_BYTES), OPENED_BYTES - REPLY_HEAD_BYTES)
  t.strictSame(readReply(opened), { kind: 'opened', length: 2 ** 40 + 7 })
  t.equal(replyLength(bytes, 20), 0)
  t.strictSame(readReply(bytes.subarray(20, 20 + VERIFIED_BYTES)), { kind: 'verified' })
  for (const detail of ['', 'two\nlines', '\uffff'.repeat(1024)]) {
    const error = errorReply({ code: 'ERR_DYAD_GONE', detail })
    t.equal(replyLength(error, 0), error.length - REPLY_HEAD_BYTES)
    t.strictSame(readReply(error), { kind: 'error', code: 'ERR_DYAD_GONE', detail })
  }
  for (const head of [
    [0, 0, 0],
    [4, 0, 31],
    [5, 0, 0],
    [1, 0, 7],
    [1, 0, 9],
    [2, 0, 1],
    [3, 0x20, 1],
    [3, 255, 255],
    [255, 0, 8],
  ]) {
    t.throws(() => replyLength(Buffer.from(head), 0), { code: 'ERR_DYAD_PROTOCOL' }, `${head}`)
  }
  t.throws(() => readReply(Buffer.from([1, 0, 8, ...Buffer.alloc(8, 0xff)])), { code: 'ERR_DYAD_PROTOCOL' })
  t.throws(() => readReply(Buffer.from([3, 0, 2, 0x41, 0x42])), { code: 'ERR_DYAD_PROTOCOL' }, 'no line feed')
  t.throws(() => readReply(Buffer.from([3, 0, 2, 0xff, 0x0a])), { code: 'ERR_DYAD_PROTOCOL' }, 'no UTF-8')
  t.end()
})
