import { connect, createServer, type Socket } from 'node:net'
import { DyadError } from '@dyad-ts/core'
import { descriptorLimit, listenAtSocket, onShortage, withSocketPlace } from '@dyad-ts/core/internal'
import { failedAnswer } from './answers.js'
import { Connection } from './connection.js'
import { FilesAbove } from './files-above.js'
import { NotedFiles } from './noted-files.js'
import { isOfAnotherUser, loadPeerUser } from './peer-user.js'
import { Publishing } from './publishing.js'
import { Runs } from './run-log.js'
import { type OpenSession, Sessions } from './sessions.js'

/**
 * Most connections at a time: this number, or this part of the descriptors that the process may
 * have.
 */
const MOST_CONNECTIONS = 16_384
const DESCRIPTORS_SHARE = 0.75

/** The parts of an agent. */
export interface AgentOptions {
  /** Path of its socket. A missing directory is made. */
  readonly path: string
  /** Directory for state, whose locks exclude a second start at the same path. */
  readonly stateDir: string
  readonly openSession: OpenSession
}

/** A listening agent. The caller of `openAgent` closes it. */
export interface Agent extends AsyncDisposable {
  readonly path: string
  /** Ends the connections and their waits, and closes the sessions. Closing twice is no error. */
  close(): Promise<void>
}

/**
 * Listens for programs of this host's user, by the protocol of docs/agent-protocol.md.
 * ERR_DYAD_BIND if another process listens at the path, ERR_DYAD_OPTION if the path or one of the
 * directories cannot be used, ERR_DYAD_SYSTEM if they cannot be written to.
 */
export async function openAgent({ path, stateDir, openSession }: AgentOptions): Promise<Agent> {
  const connections = new Set<Connection>()
  const most = Math.min(MOST_CONNECTIONS, Math.floor(descriptorLimit() * DESCRIPTORS_SHARE))
  const sessions = new Sessions(openSession)
  const shared = {
    sessions,
    publishing: new Publishing(),
    ownFiles: new NotedFiles(),
    filesAbove: new FilesAbove(),
    runs: new Runs(),
  }
  const server = createServer((socket) => {
    const refusal = refused(socket, connections.size, most)
    if (refusal !== undefined) {
      socket.on('error', () => {}).write(failedAnswer(0, refusal))
      socket.destroy()
      return
    }
    const connection = new Connection(socket, shared, () => connections.delete(connection))
    connections.add(connection)
  })
  const place = {
    stateDir,
    assertFree: () => assertNobodyListens(path),
    stalled: (detail: string) => new DyadError('ERR_DYAD_BIND', { detail }),
  }
  await withSocketPlace(path, place, () => listenAtSocket(server, path))
  // Loading takes some ms, while the first program starts.
  const loading = setImmediate(loadPeerUser)
  // Their clients connect again for their next request.
  const relieving = onShortage(() => {
    for (const connection of connections) if (connection.isIdle) connection.destroy()
  })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= (async () => {
      clearImmediate(loading)
      relieving()
      const ended = new Promise((resolve) => server.close(resolve))
      for (const connection of connections) connection.destroy()
      await ended
      await sessions.close()
    })()
    return closed
  }
  return { path, close, [Symbol.asyncDispose]: close }
}

/** Returns the error that refuses a connection, or undefined. */
function refused(socket: Socket, open: number, most: number): DyadError | undefined {
  if (isOfAnotherUser(socket)) return new DyadError('ERR_DYAD_DENIED', { detail: "the agent is another user's" })
  if (open < most) return undefined
  return new DyadError('ERR_DYAD_BUSY', { detail: `${most} connections are open at the agent` })
}

function assertNobodyListens(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.on('error', () => resolve())
    socket.on('connect', () => {
      socket.destroy()
      reject(new DyadError('ERR_DYAD_BIND', { detail: `an agent listens at ${path}` }))
    })
  })
}
