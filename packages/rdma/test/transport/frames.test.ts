import { isDyadError } from '@dyad-ts/core'
import { test } from 'tap'
import {
  dataFrame,
  errorFrame,
  fetchFrame,
  grantFrame,
  helloOf,
  MAX_GRANTS,
  MAX_MESSAGE_BYTES,
  proofFrame,
  readHello,
  readMessage,
  readRejection,
  readWelcome,
  rejectionOf,
  stopFrame,
  stoppedFrame,
  welcomeOf,
} from '../../src/transport/frames.js'

const request = { storage: '/srv/ünï', path: 'a/日本', size: 2 ** 40 + 5, mtimeNs: -7n, start: 3, end: 2 ** 40 }
const grants = [
  { address: 0x7fff_ffff_f000, rkey: 0xffff_fffe, length: 65_536 },
  { address: 4096, rkey: 0, length: 1 },
]

test('messages come back as they were', async (t) => {
  t.same(readMessage(fetchFrame(7, request, grants)), { kind: 'fetch', id: 7, request, grants })
  t.same(readMessage(fetchFrame(0, request, [])), { kind: 'fetch', id: 0, request, grants: [] })
  t.same(readMessage(grantFrame(0x7fff_ffff, grants)), { kind: 'grant', id: 0x7fff_ffff, grants })
  t.same(readMessage(stopFrame(1)), { kind: 'stop', id: 1 })
  t.same(readMessage(stoppedFrame(2)), { kind: 'stopped', id: 2 })
  const { message, room } = dataFrame(3, 5)
  room.write('hello')
  t.same(readMessage(message), { kind: 'data', id: 3, bytes: Buffer.from('hello') })
  const error = { code: 'ERR_DYAD_GONE', detail: 'two\nlines' }
  t.same(readMessage(errorFrame(4, error)), { kind: 'error', id: 4, ...error })
})

test('the longest request fits the bound', async (t) => {
  const long = { ...request, storage: 's'.repeat(4096), path: 'p'.repeat(4096) }
  const many = Array.from({ length: MAX_GRANTS }, () => grants[0] as (typeof grants)[0])
  const frame = fetchFrame(1, long, many)
  t.equal(frame.length, MAX_MESSAGE_BYTES)
  t.same(readMessage(frame), { kind: 'fetch', id: 1, request: long, grants: many })
  t.throws(() => fetchFrame(1, { ...long, path: 'p'.repeat(4097) }, []), { code: 'ERR_DYAD_PROTOCOL' })
  t.throws(() => fetchFrame(1, { ...request, mtimeNs: 2n ** 63n }, []), { code: 'ERR_DYAD_PROTOCOL' })
})

test('nonces and proofs arrive as they were', async (t) => {
  const [nonce, proof] = [Buffer.alloc(32, 'n'), Buffer.alloc(32, 'p')]
  t.same(readHello(Buffer.concat([helloOf(nonce), Buffer.alloc(16)])), nonce)
  t.ok(helloOf(nonce).length <= 56, 'it fits into what the connection manager carries')
  t.equal(readHello(Buffer.from('GET / HTTP/1.1')), undefined)
  t.equal(readHello(helloOf(nonce).subarray(0, 39)), undefined)
  t.same(readMessage(proofFrame(proof)), { kind: 'proof', id: 0, proof })
  for (const bytes of [proofFrame(proof).subarray(0, 36), Buffer.concat([proofFrame(proof), proof])]) {
    t.throws(() => readMessage(bytes), { code: 'ERR_DYAD_PROTOCOL' })
  }
})

test('the answer of an owner to a new client', async (t) => {
  const [nonce, proof] = [Buffer.alloc(32, 'n'), Buffer.alloc(32, 'p')]
  const welcome = welcomeOf(nonce, proof)
  t.ok(welcome.length <= 196, 'it fits into what the connection manager carries')
  t.same(readWelcome(Buffer.concat([welcome, Buffer.alloc(100)])), { nonce, proof })
  t.equal(readWelcome(welcome.subarray(0, 71)), undefined)
  t.equal(readWelcome(Buffer.alloc(100)), undefined)
  t.equal(readRejection(Buffer.concat([rejectionOf('ERR_DYAD_DENIED'), Buffer.alloc(20)])), 'ERR_DYAD_DENIED')
  t.equal(readRejection(Buffer.alloc(148)), undefined)
})

test('garbage breaks the protocol and nothing else', async (t) => {
  const frame = fetchFrame(7, request, grants)
  const broken = (bytes: Buffer, what: string) => {
    try {
      readMessage(bytes)
      t.fail(`${what} was read`)
    } catch (error) {
      t.ok(isDyadError(error, 'ERR_DYAD_PROTOCOL'), what)
    }
  }
  for (let length = 0; length < frame.length; length++) {
    // A cut between grants leaves a shorter request.
    if ((frame.length - length) % 16 === 0 && frame.length - length <= 32) continue
    broken(frame.subarray(0, length), `cut to ${length}`)
  }
  const changed = (at: number, ...bytes: number[]) => {
    const copy = Buffer.from(frame)
    copy.set(bytes, at)
    return copy
  }
  broken(changed(0, 99), 'an unknown kind')
  broken(changed(1, 0x80), 'a number beyond the bound')
  broken(changed(5, 0xff, 0xff), 'a size beyond 2^53')
  broken(changed(37, 0xff, 0xff), 'a storage beyond the end')
  broken(changed(39, 0xff, 0xff), 'a path beyond the end')
  broken(changed(41, 0xff), 'a storage that is not UTF-8')
  broken(changed(frame.length - 4, 0, 0, 0, 0), 'a grant of nothing')
  broken(changed(frame.length - 16, 0xff), 'a grant at an address beyond 2^53')
  broken(
    grantFrame(
      1,
      Array.from({ length: MAX_GRANTS + 1 }, () => grants[0] as (typeof grants)[0]),
    ),
    'too many grants',
  )
  broken(Buffer.concat([stopFrame(1), Buffer.alloc(1)]), 'a stop with a tail')
  broken(Buffer.from([5, 0, 0, 0, 1, 0x41]), 'an error without a code')
  for (let seed = 1; seed < 3000; seed++) {
    const bytes = Buffer.from(frame)
    for (let i = 0; i < 4; i++) bytes[(seed * 7919 * (i + 1)) % bytes.length] = (seed * 31 + i * 17) & 0xff
    try {
      readMessage(bytes)
    } catch (error) {
      if (!isDyadError(error, 'ERR_DYAD_PROTOCOL')) throw error
    }
  }
})
