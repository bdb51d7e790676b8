import { createServer } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import {
  DyadError,
  descriptorClosed,
  descriptorLimit,
  type FileSource,
  onShortage,
  Places,
  type TransportServer,
} from '@dyad/core'
import { authority, type BindOptions, bind } from '@dyad/wire'
import { writeAddress } from '../address.js'
import { proofOf } from './frames.js'
import { SendBuffers } from './send-buffers.js'
import { ServedConnection } from './served-connection.js'

/**
 * Connections at once, where there are descriptors for them. One more ends one that does nothing or
 * does not read, or is refused.
 */
const MAX_CONNECTIONS = 1024
/**
 * Descriptors that this process may have for each: the connection, a file, and as many for what
 * else it does.
 */
const DESCRIPTORS_FOR_EACH = 4
/** Connections that have been refused and may not have heard so yet. */
const MAX_REFUSED = 64
/** How long a peer may take for what it owes, in ms. */
const PATIENCE_MS = 10_000
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
   * Connections at once. @default 1024, or a quarter of the descriptors that this process may have
   */
  maxConnections?: number | undefined
  /** Transfers that are worked on at once. @default 512 */
  atWork?: number | undefined
}

/** What all connections of a server share. */
export interface Served {
  readonly source: FileSource
  readonly places: Places
  readonly buffers: SendBuffers
  /** What a peer must prove, if there is a token. */
  readonly proof: Buffer | undefined
  /** How long a peer may take for what it owes, in ms. */
  readonly patienceMs: number
}

/** Listens and serves the files of `source` to whoever has the token. ERR_DYAD_BIND. */
export async function serveTcp(source: FileSource, options: ServeTcpOptions): Promise<TransportServer> {
  const { token, tls, advertise, chunkBytes, patienceMs = PATIENCE_MS } = options
  const { maxConnections = Math.min(MAX_CONNECTIONS, Math.ceil(descriptorLimit() / DESCRIPTORS_FOR_EACH)), atWork } =
    options
  const places = new Places({ atWork, patienceMs })
  const served: Served = {
    source,
    places,
    buffers: new SendBuffers(chunkBytes, () => places.reclaim()),
    proof: token ? proofOf(token) : undefined,
    patienceMs,
  }
  const secureContext = tls && createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  const connections = new Set<ServedConnection>()
  const refused = new Set<ServedConnection>()
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS }, (plain) => {
    const socket = secureContext ? new TLSSocket(plain, { isServer: true, secureContext }) : plain
    const connection = new ServedConnection(socket, served)
    if (connections.size >= maxConnections && !makeRoom(connections, places)) {
      refuse(connection, refused, maxConnections)
      return
    }
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
      const open = [...connections, ...refused]
      for (const connection of open) connection.destroy()
      await closed
      await Promise.all(open.map((connection) => connection.drained()))
    })()
    return closing
  }
  const url = `${tls ? 'tls' : 'tcp'}://${authority(advertise ?? host, port)}`
  return { address: writeAddress(url), close, [Symbol.asyncDispose]: close }
}

/**
 * Ends the oldest connection of a stranger, or else one of no use; returns whether there was one.
 */
function makeRoom(connections: ReadonlySet<ServedConnection>, places: Places): boolean {
  const stranger = [...connections].find(({ isKnown }) => !isKnown)
  stranger?.destroy()
  return stranger !== undefined || endUseless(connections, places)
}

/**
 * Ends the oldest connection that does nothing, or does not read; returns whether there was one.
 */
function endUseless(connections: ReadonlySet<ServedConnection>, places: Places): boolean {
  const idle = [...connections].find(({ isIdle, isKnown }) => isIdle && isKnown)
  idle?.destroy()
  return idle !== undefined || places.reclaim()
}

/** Tells a newcomer that there is no room. It may take its time to hear that only while few do. */
function refuse(newcomer: ServedConnection, refused: Set<ServedConnection>, maxConnections: number): void {
  for (const first of refused) {
    if (refused.size < MAX_REFUSED) break
    first.destroy()
    refused.delete(first)
  }
  refused.add(newcomer)
  newcomer.whenGone(() => refused.delete(newcomer))
  const detail = `the owner serves ${maxConnections} connections already`
  newcomer.refuse(new DyadError('ERR_DYAD_TRANSFER', { detail }))
}
