import { connect, createServer, type Socket } from 'node:net'
import { DyadError, listenAtSocket, withSocketPlace } from '@dyad/core'
import { failedAnswer } from './answers.js'
import { Connection } from './connection.js'
import { isOfAnotherUser, loadPeerUser } from './peer-user.js'
import { Publishing } from './publishing.js'
import { Runs } from './run-log.js'
import { type OpenSession, Sessions } from './sessions.js'

/** Connections at a time. */
const MOST_CONNECTIONS = 4_096

/** What an agent is made of. */
export interface AgentOptions {
  /** Path of its socket; the directory is made if it is missing. */
  readonly path: string
  /** Directory for state, whose locks keep two starts at one path apart. */
  readonly stateDir: string
  readonly openSession: OpenSession
}

/** An agent that listens. Whoever opened it closes it. */
export interface Agent extends AsyncDisposable {
  readonly path: string
  /** Ends the connections and their waits, and closes the sessions. Closing twice is no error. */
  close(): Promise<void>
}

/**
 * Listens for programs of this host's user, by the protocol of docs/agent-protocol.md.
 * ERR_DYAD_BIND if another process listens at the path, ERR_DYAD_OPTION if the path or one of the
 * directories cannot be used, ERR_DYAD_SYSTEM if nothing can be written there.
 */
export async function openAgent({ path, stateDir, openSession }: AgentOptions): Promise<Agent> {
  const sockets = new Set<Socket>()
  const sessions = new Sessions(openSession)
  const shared = { sessions, publishing: new Publishing(), runs: new Runs() }
  const server = createServer((socket) => {
    const refusal = refused(socket, sockets.size)
    if (refusal !== undefined) {
      socket.on('error', () => {}).write(failedAnswer(0, refusal))
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    new Connection(socket, shared)
  })
  const place = {
    stateDir,
    assertFree: () => assertNobodyListens(path),
    stalled: (detail: string) => new DyadError('ERR_DYAD_BIND', { detail }),
  }
  await withSocketPlace(path, place, () => listenAtSocket(server, path))
  // It takes some ms, while the first program starts.
  const loading = setImmediate(loadPeerUser)
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= (async () => {
      clearImmediate(loading)
      const ended = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await ended
      await sessions.close()
    })()
    return closed
  }
  return { path, close, [Symbol.asyncDispose]: close }
}

/** Why a connection is refused; undefined if it is not. */
function refused(socket: Socket, open: number): DyadError | undefined {
  if (isOfAnotherUser(socket)) return new DyadError('ERR_DYAD_DENIED', { detail: "the agent is another user's" })
  if (open < MOST_CONNECTIONS) return undefined
  return new DyadError('ERR_DYAD_BUSY', { detail: `${MOST_CONNECTIONS} connections are open at the agent` })
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
