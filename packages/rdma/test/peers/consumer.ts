/** A consumer of a test: fetches over rdma, whole or up to a point where it stays. */
import { closeSync, openSync } from 'node:fs'
import { ManagedSource, type Transport } from '@dyad-ts/core'
import { type RdmaTransportOptions, rdmaTransport, reportHost } from '../../src/index.js'
import { digestOf } from '../support/files.js'
import type { Wanted } from '../support/owner.js'
import { answer } from '../support/peer-process.js'

let transport: Transport = rdmaTransport({ token: 'secret' })
/** What is left of transfers that nobody reads any further. */
const held: AsyncIterator<Uint8Array, undefined>[] = []

answer({
  /** Anew, with other options. */
  async use(options: RdmaTransportOptions) {
    await transport.close()
    transport = rdmaTransport(options)
  },
  /** Fetches the whole file; tells the digest of its bytes. */
  fetch: async ({ address, version }: Wanted) => digestOf(await transport.fetch(address, version)),
  /** Fetches the whole file into another; tells how many bytes were received there, in steps. */
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
  /** Begins, takes the first bytes, and stays there. */
  async hold({ address, version }: Wanted) {
    const chunks = (await transport.fetch(address, version))[Symbol.asyncIterator]()
    held.push(chunks)
    return (await chunks.next()).value?.length
  },
  /** Reads what is left of the last of these. */
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
