import type { Transport, TransportServer } from '../../transfer/contract.js'
import { ManagedSource } from '../../transfer/source.js'
import { CountingSource } from './counting-source.js'

/** What the suite asks of a peer process. */
export interface PeerRequest {
  readonly id: number
  readonly op: 'serve' | 'counts' | 'idle' | 'close'
  /** Directory to serve, which also names the server in the other requests. */
  readonly storage: string
}

/** What a peer process answers. */
export interface PeerReply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Serving {
  readonly transport: Transport
  readonly source: CountingSource
  readonly server: TransportServer
}

/**
 * Serves whatever the suite asks for until it hangs up; the whole of a peer module. A process that
 * stays after that left something open.
 */
export function serveTransportPeer(create: () => Transport | Promise<Transport>): void {
  const servers = new Map<string, Serving>()
  const answer = async ({ op, storage }: PeerRequest): Promise<unknown> => {
    if (op === 'serve') {
      const transport = await create()
      const source = new CountingSource(await ManagedSource.open([storage]))
      const server = await transport.serve(source)
      servers.set(storage, { transport, source, server })
      return server.address
    }
    const serving = servers.get(storage)
    if (serving === undefined) throw new Error(`${storage} is not served`)
    if (op === 'counts') return serving.source.counts()
    if (op === 'idle') return serving.source.idle()
    await serving.server.close()
    await serving.server.close()
    await serving.transport.close()
    return undefined
  }
  process.on('message', (request: PeerRequest) => {
    answer(request).then(
      (value) => process.send?.({ id: request.id, value } satisfies PeerReply),
      (error) => process.send?.({ id: request.id, error: String(error) } satisfies PeerReply),
    )
  })
}
