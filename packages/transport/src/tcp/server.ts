import { createServer } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { DyadError, type FileSource, Slots, type TransportServer } from '@dyad/core'
import { authority, type BindOptions, bind } from '@dyad/wire'
import { writeAddress } from '../address.js'
import { proofOf } from './frames.js'
import { SendBuffers } from './send-buffers.js'
import { ServedConnection } from './served-connection.js'

/** Connections at once. One more ends one that does nothing, or is refused. */
const MAX_CONNECTIONS = 1024
/** Files open at once; further requests wait. */
const MAX_OPEN_FILES = 512
/** How long a peer may take for its hello, the TLS handshake included, or for a request that it began, in ms. */
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
  /** How long a peer may take for its hello, the TLS handshake included, or for a request that it began, in ms. @default 10000 */
  patienceMs?: number | undefined
}

/** What all connections of a server share. */
export interface Served {
  readonly source: FileSource
  /** Places for open files. */
  readonly files: Slots
  readonly buffers: SendBuffers
  /** What a peer must prove, if there is a token. */
  readonly proof: Buffer | undefined
  /** How long a peer may take for what it owes, in ms. */
  readonly patienceMs: number
}

/** Listens and serves the files of `source` to whoever has the token. ERR_DYAD_BIND. */
export async function serveTcp(source: FileSource, options: ServeTcpOptions): Promise<TransportServer> {
  const { token, tls, advertise, chunkBytes, patienceMs = PATIENCE_MS } = options
  const served: Served = {
    source,
    files: new Slots(MAX_OPEN_FILES),
    buffers: new SendBuffers(chunkBytes),
    proof: token ? proofOf(token) : undefined,
    patienceMs,
  }
  const secureContext = tls && createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
  const connections = new Set<ServedConnection>()
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS }, (plain) => {
    const socket = secureContext ? new TLSSocket(plain, { isServer: true, secureContext }) : plain
    const connection = new ServedConnection(socket, served)
    if (connections.size >= MAX_CONNECTIONS) makeRoom(connections, connection)
    connections.add(connection)
    socket.on('close', () => void connection.drained().then(() => connections.delete(connection)))
  })
  const { host, port } = await bind(server, options)
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const open = [...connections]
      for (const connection of open) connection.destroy()
      await closed
      await Promise.all(open.map((connection) => connection.drained()))
    })()
    return closing
  }
  const url = `${tls ? 'tls' : 'tcp'}://${authority(advertise ?? host, port)}`
  return { address: writeAddress(url), close, [Symbol.asyncDispose]: close }
}

/** Ends the oldest connection of a stranger, or else one that does nothing; if there is none, the newcomer is refused. */
function makeRoom(connections: ReadonlySet<ServedConnection>, newcomer: ServedConnection): void {
  const all = [...connections]
  const useless = all.find(({ isKnown }) => !isKnown) ?? all.find(({ isIdle }) => isIdle)
  const detail = `the owner serves ${MAX_CONNECTIONS} connections already`
  if (useless === undefined) newcomer.refuse(new DyadError('ERR_DYAD_TRANSFER', { detail }))
  else useless.destroy()
}
