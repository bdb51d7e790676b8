import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { agentPath, openAgent } from '@dyad-ts/agent'
import type { Config } from '@dyad-ts/core'
import { prepareStateDirectory } from '@dyad-ts/core/internal'
import { sessionsBeside } from '../agent-session.js'

/** The agent that a program asks. Disposing of it ends an agent that this process began. */
export interface ProgramAgent extends AsyncDisposable {
  readonly path: string
  /** Whether it listens where the programs of the node look for it. */
  readonly isOfNode: boolean
  /** Whether it runs in this process. */
  readonly isOwn: boolean
}

/** Matches the sockets of agents for one program, with the process of `dyad run`. */
const OWN_SOCKET = /^run-(\d+)-[0-9a-f]+\.sock$/

/**
 * Returns the agent that listens at `given`, else the agent of the node's service, else a new one
 * for this process alone. ERR_DYAD_OPTION if the directory for state cannot be used, ERR_DYAD_BIND,
 * ERR_DYAD_SYSTEM.
 */
export async function programAgent({ stateDir, node }: Config, given: string | undefined): Promise<ProgramAgent> {
  const ofNode = agentPath(stateDir, node)
  for (const path of given === undefined ? [ofNode] : [given, ofNode]) {
    if (await isListening(path))
      return { path, isOfNode: path === ofNode, isOwn: false, async [Symbol.asyncDispose]() {} }
  }
  prepareStateDirectory(stateDir)
  const directory = dirname(ofNode)
  await removeAbandoned(directory)
  const path = join(directory, `run-${process.pid}-${randomBytes(4).toString('hex')}.sock`)
  const agent = await openAgent({ path, stateDir, openSession: sessionsBeside() })
  return { path, isOfNode: false, isOwn: true, [Symbol.asyncDispose]: () => agent.close() }
}

/** Resolves with true if an agent listens at a path. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Removes the sockets of processes that were killed. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of namesIn(directory)) {
    const pid = Number(OWN_SOCKET.exec(name)?.[1] ?? Number.NaN)
    const path = join(directory, name)
    // A process of another container cannot be seen, but its socket listens.
    if (!Number.isNaN(pid) && !isAlive(pid) && !(await isListening(path))) rmSync(path, { force: true })
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
