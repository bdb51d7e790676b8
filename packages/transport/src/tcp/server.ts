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
 * Most connections of clients at once, if there are descriptors for them. A further connection ends
 * one that is idle or does not read. If there is none, the server refuses it.
 */
const MAX_CONNECTIONS = 1024
/**
 * Descriptors of this process for each connection: the connection, a file, and two for the rest of
 * the process.
 */
const DESCRIPTORS_FOR_EACH = 4
/** Time of silence after which the system asks the peer for a sign of life, in ms. */
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
   * Milliseconds that a peer has for its hello, TLS handshake included, for a request that it
   * began, and to read on while others need its buffers or its connection. @default 10000
   */
  patienceMs?: number | undefined
  /**
   * Most connections of clients at once.
   * @default 1024, or a quarter of the descriptors of this process if that is less
   */
  maxConnections?: number | undefined
  /** Most transfers that the server works on at once. @default 512 */
  atWork?: number | undefined
}

/**
 * Serves the files of `source` to clients that prove to know the token. ERR_DYAD_BIND.
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

/** Ends the oldest connection that is idle, or does not read. Returns false if there is none. */
function endUseless(connections: ReadonlySet<ServedConnection>, places: Places): boolean {
  const idle = [...connections].find(({ isIdle, isKnown }) => isIdle && isKnown)
  idle?.destroy()
  return idle !== undefined || places.reclaim()
}
