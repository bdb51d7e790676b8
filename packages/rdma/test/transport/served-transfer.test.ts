import { Buffer } from 'node:buffer'
import { DyadError, type FileSource } from '@dyad-ts/core'
import { Places } from '@dyad-ts/core/internal'
import { test } from 'tap'
import { LAST } from '../../src/transport/frames.js'
import type { Link } from '../../src/transport/link.js'
import { ServedTransfer } from '../../src/transport/served-transfer.js'
import type { PostOptions, SendRequest } from '../../src/verbs/queue-pair.js'

const SIZE = 10_000
const MAX_MESSAGE = 3_000
const SLAB_AT = 0x10_0000
const GRANT = { address: 0x5000_0000, rkey: 7, length: SIZE }
const ID = 5
const SLAB = { region: {}, address: SLAB_AT, bytes: Buffer.alloc(SIZE), release() {} }

// The longest message of every software device is longer than a grant. That of the mock is not.
test('bytes longer than a message of the device go in several writes, of which the last has the immediate', async (t) => {
  const posted: SendRequest[] = []
  const slab = (length: number) => {
    return { region: {}, address: SLAB_AT, length, bytes: Buffer.alloc(length), release() {} }
  }
  const link = {
    adapter: { maxMessage: MAX_MESSAGE, slabs: { acquire: async (wanted: number) => slab(wanted) } },
    post: (requests: readonly SendRequest[], { done }: PostOptions) => {
      posted.push(...requests)
      done?.(0)
    },
  }
  const file = { read: async () => SIZE, verify: async () => {}, close: async () => {} }
  const source = { open: async () => file } as unknown as FileSource
  const request = { storage: '/managed', path: 'file', size: SIZE, mtimeNs: 1n, start: 0, end: SIZE }
  const served = { source, places: new Places() }
  await new ServedTransfer(ID, request, [GRANT], link as unknown as Link, served).ended

  t.match(
    posted,
    [0, 3_000, 6_000, 9_000].map((at) => ({
      op: 'write',
      from: { address: SLAB_AT + at, length: Math.min(MAX_MESSAGE, SIZE - at) },
      to: { address: GRANT.address + at, rkey: GRANT.rkey },
      immediate: at === 9_000 ? ID + LAST : undefined,
    })),
  )
  t.equal(posted.length, 4)
})

test('clients that grant nothing keep no others waiting', async (t) => {
  let told = 0
  const link = {
    adapter: { maxMessage: SIZE, slabs: { acquire: async (wanted: number) => ({ ...SLAB, length: wanted }) } },
    send: () => {},
    post: (_requests: readonly SendRequest[], { done }: PostOptions) => {
      told++
      done?.(0)
    },
  } as unknown as Link
  const file = { read: async () => SIZE, verify: async () => {}, close: async () => {} }
  const source = { open: async () => file } as unknown as FileSource
  const request = { storage: '/managed', path: 'file', size: SIZE, mtimeNs: 1n, start: 0, end: SIZE }
  const served = { source, places: new Places({ atWork: 2 }) }
  const idle = Array.from({ length: 5 }, (_, id) => new ServedTransfer(id, request, [], link, served))
  await new ServedTransfer(ID, request, [GRANT], link, served).ended
  t.equal(told, 1)
  idle[3]?.grant([GRANT])
  await idle[3]?.ended
  t.equal(told, 2, 'a grant that comes late is used')
  idle[4]?.endIdle(new DyadError('ERR_DYAD_TRANSFER'))
  await idle[4]?.ended
  for (const transfer of idle) transfer.stop()
  await Promise.all(idle.map(({ ended }) => ended))
})
