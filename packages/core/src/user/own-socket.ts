import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { NodeLocks } from '../consumer/node-lock.js'
import { DyadError } from '../errors.js'
import { makeTrustedDirectory } from '../files/trusted-place.js'
import { checkStateDirectory } from './state-directory.js'

/** Longest path of a Unix socket on Linux; other systems take a little less. */
const MAX_SOCKET_PATH_BYTES = 103
/** How long another start at the same path may take until this one gives up, in ms. */
const START_MS = 7_000
const NEVER = new AbortController().signal

/** How a process takes the place of a Unix socket. */
export interface SocketPlace {
  /** Directory for state, whose locks keep starts at one path apart. */
  readonly stateDir: string
  /** Rejects if somebody listens at the path. */
  readonly assertFree: () => Promise<void>
  /** The error where another process has been starting there for too long; `holder` names it. */
  readonly stalled: (holder: string) => Error
}

/**
 * Calls `listen` to listen at a path in a directory that this user alone can enter, in place of the
 * socket that a killed process left there. Of starts at once, each looks for a listener only when
 * the other is done. ERR_DYAD_OPTION if the path is too long, or others could have made its
 * directory or the one for state, ERR_DYAD_SYSTEM if nothing can be written there.
 */
export async function withSocketPlace<T>(
  path: string,
  { stateDir, assertFree, stalled }: SocketPlace,
  listen: () => Promise<T>,
): Promise<T> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    const detail = `the path of a socket below it has more than ${MAX_SOCKET_PATH_BYTES} bytes`
    const remedy = 'Set it to a directory with a shorter path.'
    throw new DyadError('ERR_DYAD_OPTION', { option: 'stateDir (DYAD_STATE_DIR)', path, detail, remedy })
  }
  using locks = await NodeLocks.open(stateDir)
  prepare(dirname(path))
  using _lock = await locks.take(`control ${path}`, {
    signal: NEVER,
    patience: START_MS,
    onStalled: (holder) => {
      throw stalled(`${holder} has been starting for ${START_MS / 1_000} s; end that process`)
    },
  })
  await assertFree()
  // What nobody answers at was left by a process that was killed. Anything else stays. A
  // synchronous stat of a socket would change how this process loads modules: late-module.ts.
  const left = await lstat(path).catch(() => undefined)
  if (left?.isSocket()) rmSync(path, { force: true })
  return await listen()
}

/** Resolves once the server listens at a path, for this user alone. ERR_DYAD_BIND. */
export function listenAtSocket(server: Server, path: string, about: { node?: string } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => reject(new DyadError('ERR_DYAD_BIND', { ...about, path, cause }))
    // Stays: where no descriptor is free, an accept fails later, and the peer meets that.
    server.on('error', failed)
    // The workers of node:cluster would share the socket otherwise.
    server.listen({ path, exclusive: true }, () => {
      try {
        chmodSync(path, 0o600)
        resolve()
      } catch (cause) {
        server.close()
        failed(cause as Error)
      }
    })
  })
}

function prepare(directory: string): void {
  try {
    makeTrustedDirectory(directory, 0o700)
    checkStateDirectory(directory)
    if (lstatSync(directory).mode & 0o077) {
      throw new DyadError('ERR_DYAD_OPTION', {
        option: 'stateDir (DYAD_STATE_DIR)',
        path: directory,
        detail: 'other users can enter it',
        remedy: `Run chmod 700 '${directory}'.`,
      })
    }
  } catch (cause) {
    throw cause instanceof DyadError ? cause : new DyadError('ERR_DYAD_SYSTEM', { path: directory, cause })
  }
}
