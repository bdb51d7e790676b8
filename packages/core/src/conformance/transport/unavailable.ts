import { match, ok, rejects, strictEqual } from 'node:assert/strict'
import { DyadError, isDyadError } from '../../errors.js'
import type { FileSource, Transport } from '../../transfer/contract.js'
import type { ConformanceTest } from './contract.js'

/** What nobody must open. */
const SOURCE: FileSource = {
  directories: [],
  open: ({ path }) => Promise.reject(new DyadError('ERR_DYAD_REFUSED', { path })),
}
const FILE = { storage: '/storage', path: 'file', size: 1, mtimeNs: 1n }

/** Runs the clauses for a transport that was made so that this host cannot use it. */
export function unavailableConformance(
  test: ConformanceTest,
  { create }: { create(): Transport | Promise<Transport> },
): void {
  test('where it cannot be used: it says why', async () => {
    await using transport = await create()
    const { unavailable } = transport
    ok(isDyadError(unavailable, 'ERR_DYAD_RDMA_UNAVAILABLE'), 'it can be used, or says something else')
    match(unavailable.detail, /^\S.*[^\s.]$/, 'no clause for a person')
    strictEqual(transport.unavailable, unavailable, 'it says something else when it is asked again')
  })
  test('where it cannot be used: serve and fetch reject with the same', async () => {
    await using transport = await create()
    const isSame = (error: unknown) => {
      strictEqual(error, transport.unavailable)
      return true
    }
    await rejects(transport.serve(SOURCE), isSame)
    // Whatever the address, for one that can be used nowhere is not worth a look.
    await rejects(transport.fetch('nonsense', FILE), isSame)
    await transport.close()
  })
}
