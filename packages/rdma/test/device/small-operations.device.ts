import { test } from 'tap'
import { ACCESS } from '../../src/verbs/constants.js'
import { MemoryWindow } from '../../src/verbs/memory.js'
import type { SendRequest } from '../../src/verbs/queue-pair.js'
import { fabricPair } from '../support/fabric-pair.js'
import { checkGrowth, memory, taken } from '../support/growth.js'

const OPERATIONS = 1_000_000

test('a million writes of eight bytes, and the memory of a thousand', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  const window = new MemoryWindow(b.context)
  const rkey = window.nextKey()
  const span = b.span(65_536, 8192)
  t.equal(await b.post({ op: 'bind', window, rkey, span, access: ACCESS.remoteWrite }), 0)
  const writes: SendRequest[] = Array.from({ length: 1024 }, (_, i) => ({
    op: 'write',
    from: a.span(4096 + 8 * i, 8),
    to: { address: span.address + 8 * i, rkey },
  }))
  /** Writes one after the other. Only the last of a batch has a completion. */
  const write = async (count: number) => {
    for (let done = 0; done < count; done += writes.length) {
      for (let i = 0; i < writes.length; i++) a.memory.writeDoubleLE(done + i, 4096 + 8 * i)
      if ((await a.post(...writes)) !== 0) t.fail('a write failed')
      for (let i = 0; i < writes.length; i++) {
        if (b.memory.readDoubleLE(65_536 + 8 * i) !== done + i) t.fail(`write ${done + i} did not arrive`)
      }
    }
  }
  await write(10 * writes.length)
  const before = memory()
  const held = taken()
  const began = performance.now()
  await write(OPERATIONS)
  t.comment(`${((performance.now() - began) / 1000).toFixed(1)} s`)
  checkGrowth(t, before)
  t.same(taken(), held)
  t.equal(await b.post({ op: 'invalidate', rkey }), 0)
  window[Symbol.dispose]()
})
