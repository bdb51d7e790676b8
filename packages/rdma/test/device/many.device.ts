import { createHash } from 'node:crypto'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { digestOf, Storage, type TestFile } from '../support/files.js'
import { residentBytes } from '../support/kernel.js'
import { OwnerProcess } from '../support/owner.js'

const MIB = 1024 * 1024
const TRANSFERS = 200
/** Sizes around the longest message, a unit of a slab and a part of it, and beyond. */
const SIZES = [0, 1, 40, 1017, 1018, 4096, 65_535, 65_536, 65_537, 262_145, MIB, 2 * MIB + 7]
const SLOW = 24 * MIB
/** Most growth of a process: it may make buffers, but not more of them with more transfers. */
const MAX_GROWTH = 64 * MIB

test('two hundred transfers at once, and one whose reader is slow', async (t) => {
  const storage = new Storage(t)
  const owner = await OwnerProcess.serve(t, storage.path)
  await using transport = rdmaTransport({ token: 'secret' })
  const files = SIZES.map((size) => storage.write(`of-${size}`, size))
  const slow = storage.write('slow', SLOW)
  const slowHash = createHash('sha256')
  const slowChunks = (await transport.fetch(owner.address, slow.version))[Symbol.asyncIterator]()
  let slowTaken = 0
  const takeSlow = async () => {
    const { value, done } = await slowChunks.next()
    if (done) return false
    slowHash.update(value)
    slowTaken += value.length
    return true
  }
  await takeSlow()

  const fetchAll = async () => {
    const wrong: string[] = []
    await Promise.all(
      Array.from({ length: TRANSFERS }, async (_, i) => {
        const { version, digest } = files[i % files.length] as TestFile
        if ((await digestOf(await transport.fetch(owner.address, version))) !== digest) wrong.push(version.path)
      }),
    )
    return wrong
  }
  t.same(await fetchAll(), [], 'every byte of each')
  const before = [residentBytes(), residentBytes(owner.pid)]
  for (let round = 0; round < 3; round++) {
    await takeSlow()
    t.same(await fetchAll(), [], 'and again')
  }
  const [here, there] = [residentBytes(), residentBytes(owner.pid)].map((bytes, i) => bytes - Number(before[i]))
  t.comment(`grew by ${Number(here) / MIB} MiB here and ${Number(there) / MIB} MiB at the owner`)
  t.ok(Number(here) < MAX_GROWTH)
  t.ok(Number(there) < MAX_GROWTH)

  t.ok(slowTaken < SLOW, 'the slow one is not done yet')
  while (await takeSlow());
  t.equal(slowTaken, SLOW)
  t.equal(slowHash.digest('hex'), slow.digest)
  await owner.idle()
  t.match(await owner.counts(), { open: 0 })
})
