import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { digestOf, Storage } from '../support/files.js'
import { checkGrowth, MAX_GROWTH, memory, taken } from '../support/growth.js'
import { residentBytes } from '../support/kernel.js'
import { OwnerProcess } from '../support/owner.js'

const FETCHES = 3_000

test('thousands of small files over one connection, and the memory of a few', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', 40)
  const owner = await OwnerProcess.serve(t, storage.path)
  await using transport = rdmaTransport({ token: 'secret' })
  const fetch = async (count: number) => {
    for (let i = 0; i < count; i++) {
      if ((await digestOf(await transport.fetch(owner.address, version))) !== digest) t.fail('other bytes')
    }
  }
  await fetch(300)
  const before = memory()
  const ownerBefore = residentBytes(owner.pid)
  const held = [taken(), { ...taken(owner.pid), descriptors: 0 }]
  const began = performance.now()
  await fetch(FETCHES)
  t.comment(`${((performance.now() - began) / 1000).toFixed(1)} s`)
  checkGrowth(t, before)
  t.ok(residentBytes(owner.pid) - ownerBefore < MAX_GROWTH.resident, 'nor does the owner grow')
  t.same([taken(), { ...taken(owner.pid), descriptors: 0 }], held)
})
