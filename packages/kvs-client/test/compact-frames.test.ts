import { isDyadError } from '@dyad-ts/core'
import { test } from 'tap'
import { postReply, postRequest, readReply, readRequest } from '../src/broker/compact-frames.js'
import type { CompactReply, CompactRequest } from '../src/broker/messages.js'
import { pack } from '../src/records/packed.js'
import { hostileRequests } from './hostile-frames.js'

const EPOCH = '-_9aZ0__'
const KEY = '263.2ce.2e1.1/ä/日本/😀.txt'

function requestBytes(request: CompactRequest): Buffer {
  let copy = Buffer.alloc(0)
  postRequest(request, (bytes, length) => {
    copy = Buffer.from(bytes.subarray(0, length))
  })
  return copy
}

function replyBytes(reply: CompactReply): Buffer {
  let copy = Buffer.alloc(0)
  postReply(reply, (bytes, length) => {
    copy = Buffer.from(bytes.subarray(0, length))
  })
  return copy
}

test('requests arrive as they were sent', async (t) => {
  const big = Buffer.alloc(1024 * 1024, 7)
  const requests: CompactRequest[] = [
    { op: 'get', id: 1, space: 'ns', key: KEY },
    { op: 'wait', id: 2 ** 32 + 5, space: null, key: 'x' },
    { op: 'delete', id: 2 ** 47, space: 'a'.repeat(200), key: 'x' },
    { op: 'lease', id: 3, space: 'other', key: '' },
    { op: 'wait-lease', id: 4, space: 'ns', key: 'ä'.repeat(2000) },
    { op: 'put', id: 5, space: 'ns', key: KEY, value: Buffer.alloc(0) },
    { op: 'put', id: 6, space: 'ns', key: KEY, value: Buffer.from([0, 255, 128]) },
    { op: 'put', id: 7, space: 'ns', key: 'x'.repeat(4000), value: big },
    { op: 'cancel', id: 8 },
  ]
  for (const request of requests) t.same(readRequest(requestBytes(request)), request, request.op)
})

test('replies arrive as they were sent', async (t) => {
  for (const length of [0, 60, 1016, 1017, 1024 * 1024]) {
    const value = Buffer.alloc(length, 200)
    for (const op of ['entry', 'leased'] as const) {
      const revision = Number.MAX_SAFE_INTEGER - length
      const reply = readReply(replyBytes({ op, id: 1, packed: pack(value, revision, EPOCH) }))
      t.same(reply, { op, id: 1, value, revision, epoch: EPOCH })
    }
  }
  const stored: CompactReply = { op: 'stored', id: 2, revision: 1_764_000_000_000_123, epoch: EPOCH }
  t.same(readReply(replyBytes(stored)), stored)
  t.same(readReply(replyBytes({ op: 'none', id: 3 })), { op: 'none', id: 3 })
  t.same(readReply(replyBytes({ op: 'revoke', id: 4 })), { op: 'revoke', id: 4 })
})

test('requests that are not what they declare are refused', async (t) => {
  for (const [what, bytes] of Object.entries(hostileRequests())) {
    t.throws(() => readRequest(bytes), { code: 'ERR_DYAD_PROTOCOL' }, what)
  }
})

test('replies that are not what they declare are refused', async (t) => {
  const entry = replyBytes({ op: 'entry', id: 1, packed: pack(Buffer.alloc(3), 5) })
  const stored = replyBytes({ op: 'stored', id: 1, revision: 5, epoch: EPOCH })
  const tooHigh = Buffer.from(stored).fill(255, 7)
  const hostile = {
    'half an id': entry.subarray(0, 4),
    'half a revision': entry.subarray(0, 12),
    'half an epoch': entry.subarray(0, 18),
    'half an answer': stored.subarray(0, 12),
    'more than an answer': Buffer.concat([stored, Buffer.alloc(1)]),
    'a revision that is no integer': tooHigh,
    'more than nothing': Buffer.concat([replyBytes({ op: 'none', id: 1 }), Buffer.alloc(1)]),
    'no such kind': Buffer.alloc(7, 0x60),
    'a value that is too long': Buffer.concat([entry, Buffer.alloc(1024 * 1024)]),
  }
  for (const [what, bytes] of Object.entries(hostile)) {
    t.throws(() => readReply(bytes), { code: 'ERR_DYAD_PROTOCOL' }, what)
  }
})

test('no random frame does more than throw ERR_DYAD_PROTOCOL', async (t) => {
  let seed = 1
  const random = () => (seed = (seed * 48_271) % 2_147_483_647)
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Uint8Array.from({ length: 1 + (random() % 40) }, () => random() % 256))
    bytes[0] = random() % 128
    for (const read of [readRequest, readReply]) {
      try {
        read(bytes)
      } catch (error) {
        if (!isDyadError(error, 'ERR_DYAD_PROTOCOL')) t.fail('another error', { error })
      }
    }
  }
})
