import { createServer } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { DyadError, type FileSource, type TransportServer } from '@dyad-ts/core'
import { descriptorClosed, descriptorLimit, onShortage, Places } from '@dyad-ts/core/internal'
import { authority, type BindOptions, bind, Gate, PATIENCE_MS } from '@dyad-ts/wire'
import { writeAddress } from '../address.js'
import { SendBuffers } from './send-buffers.js'
import type { Served } from './served.js'
import { ServedConnection } from './served-connection.js'

/**
 * Connections of clients at once, where there are descriptors for them. One more ends one that does
 * nothing or does not read, or is refused.
 */
const MAX_CONNECTIONS = 1024
/**
 * Descriptors that this process may have for each: the connection, a file, and as many for what
 * else it does.
 */
const DESCRIPTORS_FOR_EACH = 4
/** How long a peer may be silent before the system asks whether it is there, in ms. */
const KEEPALIVE_MS = 30_000

/** Options of {@link serveTcp}. */
export interface ServeTcpOptions extends BindOptions {
  /** PEM certificate and key; with them the server speaks TLS only. @default none */
  tls?: { cert: string | Buffer; key: string | Buffer } | undefined
  /** Name under which other nodes reach it. @default the address bound */
  advertise?: string | undefined
  /** Longest read, in bytes. */
  chunkBytes: number
  /**
   * How long a peer may take for its hello, TLS handshake included, for a request that it began,
   * and to read on where others need its buffers or its connection, in ms. @default 10000
   */
  patienceMs?: number | undefined
  /**
   * Connections of clients at once.
   * @default 1024, or a quarter of the descriptors of this process
   */
  maxConnections?: number | undefined
  /** Transfers that are worked on at once. @default 512 */
  atWork?: number | undefined
}

/**
 * Listens and serves the files of `source` to clients that prove to know the token. ERR_DYAD_BIND.
 */
export async function serveTcp(source: FileSource, options: ServeTcpOptions): Promise<TransportServer> {
  const { token, tls, advertise, chunkBytes, patienceMs = PATIENCE_MS } = options
  const { maxConnections = Math.min(MAX_CONNECTIONS, Math.ceil(descriptorLimit() / DESCRIPTORS_FOR_EACH)), atWork } =
    options
  const places = new Places({ atWork, patienceMs })
  const served: Served = {
    source,
    places,
    buffers: new SendBuffers(chunkBytes, () => places.reclaim()),
    token,
    audience: () => audience,
    admit: (socket) => {
      if (gate.admitted >= maxConnections && !endUseless(connections, places)) {
        const detail = `the owner serves ${maxConnections} connections already`
        throw new DyadError('ERR_DYAD_TRANSFER', { detail })
      }
      gate.admit(socket)
    },
    patienceMs,
  }
  const secureContext = tls && createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  const connections = new Set<ServedConnection>()
  const gate = new Gate({ patienceMs })
  let audience = ''
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS }, (plain) => {
    const socket = secureContext ? new TLSSocket(plain, { isServer: true, secureContext }) : plain
    gate.enter(socket)
    const connection = new ServedConnection(socket, served)
    connections.add(connection)
    connection.whenGone(() => {
      connections.delete(connection)
      descriptorClosed()
    })
  })
  const { host, port } = await bind(server, options)
  const noMoreRelief = onShortage(() => endUseless(connections, places))
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      noMoreRelief()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const open = [...connections]
      for (const connection of open) connection.destroy()
      await closed
      await Promise.all(open.map((connection) => connection.drained()))
    })()
    return closing
  }
  const url = `${tls ? 'tls' : 'tcp'}://${authority(advertise ?? host, port)}`
  audience = new URL(url).href
  return { address: writeAddress(url), close, [Symbol.asyncDispose]: close }
}

/**
 * Ends the oldest connection that does nothing, or does not read; returns whether there was one.
 */
function endUseless(connections: ReadonlySet<ServedConnection>, places: Places): boolean {
  const idle = [...connections].find(({ isIdle, isKnown }) => isIdle && isKnown)
  idle?.destroy()
  return idle !== undefined || places.reclaim()
}
