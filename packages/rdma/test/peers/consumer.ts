/** A consumer of a test: fetches over rdma, whole or up to a point where it stays. */
import { ManagedSource, type Transfer, type Transport } from '@dyad/core'
import { type RdmaTransportOptions, rdmaTransport, reportHost } from '../../src/index.js'
import { digestOf } from '../support/files.js'
import type { Wanted } from '../support/owner.js'
import { answer } from '../support/peer-process.js'

let transport: Transport = rdmaTransport({ token: 'secret' })
/** Transfers that nobody reads any further. */
const held: Transfer[] = []

answer({
  /** Anew, with other options. */
  async use(options: RdmaTransportOptions) {
    await transport.close()
    transport = rdmaTransport(options)
  },
  /** Fetches the whole file; tells the digest of its bytes. */
  fetch: async ({ address, version }: Wanted) => digestOf(await transport.fetch(address, version)),
  /** Begins, takes the first bytes, and stays there. */
  async hold({ address, version }: Wanted) {
    const transfer = await transport.fetch(address, version)
    held.push(transfer)
    return (await transfer[Symbol.asyncIterator]().next()).value?.length
  },
  async serve({ storage }: { storage: string }) {
    const { address } = await transport.serve(await ManagedSource.open([storage]))
    return address
  },
  close: () => transport.close(),
  unavailable: () => transport.unavailable?.message,
  report: () => reportHost(),
})
