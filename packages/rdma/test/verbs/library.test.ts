import { createRequire } from 'node:module'
import { isDyadError } from '@dyad-ts/core'
import { test } from 'tap'
import { type Layout, layoutFault, MR, WC } from '../../src/verbs/layouts.js'
import { functionsOf } from '../../src/verbs/library.js'

const koffi = createRequire(import.meta.url)('koffi')

test('the layouts are those of the C of this platform', async (t) => {
  t.equal(layoutFault(koffi), undefined)
})

test('the check of layouts names the member that differs', async (t) => {
  const shifted: Layout = {
    ...MR,
    members: { ...MR.members, lkey: { type: 'uint32_t', offset: 32, count: 1 } },
  }
  t.match(layoutFault(koffi, [shifted]), /lkey of ibv_mr lies at 36 and not at 32/)
  t.match(layoutFault(koffi, [{ ...WC, size: 56 }]), /ibv_wc has 48 bytes and not 56/)
})

test('a library that is missing, and one without a function', async (t) => {
  const table = { ibv_reg_mr: ['void *', ['void *']] } as const
  for (const [file, what] of [
    ['libverbs-of-nobody.so.9', /libverbs-of-nobody\.so\.9 cannot be loaded/],
    ['libc.so.6', /libc\.so\.6 is of another version/],
  ] as const) {
    try {
      functionsOf(koffi, file, table)
      t.fail('it was loaded')
    } catch (error) {
      t.ok(isDyadError(error, 'ERR_DYAD_RDMA_UNAVAILABLE'))
      t.match((error as Error).message, what)
      t.ok((error as Error).cause, 'with its cause')
    }
  }
})
