/** A consumer that fetches over rdma, whole files or up to a point at which it stays. */
import { closeSync, openSync } from 'node:fs'
import { ManagedSource, type Transport } from '@dyad-ts/core'
import { type RdmaTransportOptions, rdmaTransport, reportHost } from '../../src/index.js'
import { digestOf } from '../support/files.js'
import type { Wanted } from '../support/owner.js'
import { answer } from '../support/peer-process.js'

let transport: Transport = rdmaTransport({ token: 'secret' })
/** Iterators of transfers that stand still. */
const held: AsyncIterator<Uint8Array, undefined>[] = []

answer({
  /** Makes the transport anew, with other options. */
  async use(options: RdmaTransportOptions) {
    await transport.close()
    transport = rdmaTransport(options)
  },
  /** Fetches the whole file. Resolves with the digest of its bytes. */
  fetch: async ({ address, version }: Wanted) => digestOf(await transport.fetch(address, version)),
  /** Fetches the whole file into another. Resolves with the bytes that arrived there, by steps. */
  async receive({ address, version, into }: Wanted & { into: string }) {
    await using transfer = await transport.fetch(address, version)
    const fd = openSync(into, 'w+')
    const steps: number[] = []
    try {
      for await (const length of transfer.receiveInto?.(fd, 0) ?? []) steps.push(length)
    } finally {
      closeSync(fd)
    }
    return steps
  },
  /** Takes the first bytes, and stands still. */
  async hold({ address, version }: Wanted) {
    const chunks = (await transport.fetch(address, version))[Symbol.asyncIterator]()
    held.push(chunks)
    return (await chunks.next()).value?.length
  },
  /** Reads the rest of the last transfer that stands still. */
  async rest() {
    const chunks = held.pop() as AsyncIterator<Uint8Array, undefined>
    await digestOf({ [Symbol.asyncIterator]: () => chunks })
  },
  async serve({ storage }: { storage: string }) {
    const { address } = await transport.serve(await ManagedSource.open([storage]))
    return address
  },
  close: () => transport.close(),
  unavailable: () => transport.unavailable?.message,
  report: () => reportHost(),
})
