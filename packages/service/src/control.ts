import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { DyadError, isDyadError } from '@dyad-ts/core'
import { checkStateDirectory, listenAtSocket, milliseconds, withSocketPlace } from '@dyad-ts/core/internal'
import { listeningProcess } from './listening-process.js'

/** Longest request or answer over a control socket, in bytes. */
const MAX_BYTES = 1024 * 1024

/**
 * Longest time for an answer of the process that listens at a node's socket, in ms. After it, the
 * process counts as a service that hangs.
 */
const ANSWER_MS = 5_000

/** Answers a host's commands for a running service: one word in, one line of JSON out. */
export interface Control extends AsyncDisposable {
  /** Stops listening, and removes the socket. */
  close(): Promise<void>
}

/** Returns the path of the socket at which a node's service listens for its host's commands. */
export function controlPath(stateDir: string, node: string): string {
  return join(stateDir, 'services', `${createHash('sha256').update(node).digest('hex').slice(0, 16)}.sock`)
}

/**
 * Listens for commands of this host's user. `answer` takes the word and returns the line to send
 * back. ERR_DYAD_NODE_TAKEN if a service of that node already runs on this host, ERR_DYAD_OPTION if
 * the directory for state cannot be used, ERR_DYAD_SYSTEM if it cannot be written to.
 */
export async function openControl(stateDir: string, node: string, answer: (word: string) => unknown): Promise<Control> {
  const path = controlPath(stateDir, node)
  const about = aboutNode(node)
  const stalled = (detail: string) => new DyadError('ERR_DYAD_NODE_TAKEN', { ...about, detail })
  const assertFree = async () => {
    const running = await askControl(path, 'status', { timeout: ANSWER_MS }).catch((error: Error) => error)
    if (running === undefined) return
    const how = isDyadError(running, 'ERR_DYAD_SILENT') ? `; ${running.detail}` : '; `dyad stop` ends it'
    throw new DyadError('ERR_DYAD_NODE_TAKEN', { ...about, detail: `its service runs on this host${how}` })
  }
  return withSocketPlace(path, { stateDir, assertFree, stalled }, () => listenAt(path, node, answer))
}

async function listenAt(path: string, node: string, answer: (word: string) => unknown): Promise<Control> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let request = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      request += text
      if (request.length > 64) socket.destroy()
      else if (request.endsWith('\n')) socket.write(`${JSON.stringify(answer(request.trim()) ?? null)}\n`)
    })
  })
  await listenAtSocket(server, path, aboutNode(node))
  const end = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  try {
    // Names the process of a service that does not answer.
    writeFileSync(ownerPath(path), JSON.stringify({ node, pid: process.pid } satisfies Owner), { mode: 0o600 })
  } catch (cause) {
    // A full disk leaves an empty file.
    await unlink(ownerPath(path)).catch(() => {})
    await end()
    throw new DyadError('ERR_DYAD_SYSTEM', { ...aboutNode(node), path: ownerPath(path), cause })
  }
  let closed: Promise<void> | undefined
  const close = () => {
    if (closed === undefined) {
      rmSync(ownerPath(path), { force: true })
      closed = end()
    }
    return closed
  }
  return { close, [Symbol.asyncDispose]: close }
}

/** The place of an error: a store listens under a name that no node can have. */
function aboutNode(node: string): { node?: string } {
  return node.startsWith('\x01') ? {} : { node }
}

/** The service that listens at a path. */
interface Owner {
  readonly node: string
  readonly pid: number
}

/** Returns the path of the note that names the process behind `path`. */
function ownerPath(path: string): string {
  return path.replace(/\.sock$/, '.json')
}

/** Reads the service's owner from a note or an answer, as far as it is there. */
function ownerIn(text: string): Partial<Owner> {
  try {
    const { node, pid } = JSON.parse(text) as Record<string, unknown>
    return {
      ...(typeof node === 'string' && { node }),
      ...(Number.isSafeInteger(pid) && { pid: pid as number }),
    }
  } catch {
    return {}
  }
}

function readOwner(path: string): string {
  try {
    return readFileSync(ownerPath(path), 'utf8')
  } catch {
    return ''
  }
}

/** Options of {@link askControl}. */
export interface AskOptions {
  /**
   * Longest time for the service to answer, and then to end, in ms; ERR_DYAD_SILENT after that.
   * @default none
   */
  timeout?: number | undefined
  /** Resolve only after the service has ended. @default false */
  untilClosed?: boolean | undefined
  /** Ends the call early. It rejects with the signal's reason. @default none */
  signal?: AbortSignal | undefined
}

/**
 * Asks the service that listens at a path. Resolves with undefined if none does. ERR_DYAD_PROTOCOL
 * for a malformed answer, ERR_DYAD_SILENT, which names the process, if no answer comes in time,
 * ERR_DYAD_OPTION if another user could have made the socket.
 */
export function askControl(
  path: string,
  word: string,
  { untilClosed, timeout, signal }: AskOptions = {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    refuseForeign(dirname(path))
    const limit = timeout === undefined ? undefined : milliseconds('timeout', timeout)
    // Read first: a service removes its note when it ends.
    const noted = ownerIn(readOwner(path))
    const socket = connect(path)
    let answer = ''
    let isTooLong = false
    let isLate = false
    const late = () => {
      isLate = true
      socket.destroy()
    }
    const timer = limit === undefined ? undefined : setTimeout(late, limit)
    const abort = () => socket.destroy()
    signal?.addEventListener('abort', abort, { once: true })
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${word}\n`))
    socket.on('data', (text: string) => {
      answer += text
      timer?.refresh()
      isTooLong = answer.length > MAX_BYTES
      if (isTooLong) socket.destroy()
      else if (answer.endsWith('\n') && !untilClosed) socket.end()
    })
    // No process listens, or it has ended: the end of the connection says the rest.
    socket.on('error', () => {})
    socket.on('close', () => {
      signal?.removeEventListener('abort', abort)
      clearTimeout(timer)
      try {
        signal?.throwIfAborted()
        if (isLate) return reject(silent(path, answer, noted, timeout))
        if (isTooLong) throw new RangeError('the answer is too long')
        resolve(answer === '' ? undefined : JSON.parse(answer))
      } catch (cause) {
        reject(signal?.aborted ? cause : new DyadError('ERR_DYAD_PROTOCOL', { detail: path, cause }))
      }
    })
  })
}

/** No process can listen in a missing directory. */
function refuseForeign(directory: string): void {
  try {
    checkStateDirectory(directory)
  } catch (error) {
    if (isDyadError(error)) throw error
  }
}

function silent(path: string, answer: string, noted: Partial<Owner>, timeout: number | undefined): DyadError {
  // The note is removed before the socket, and may be lost. The service's answer and the kernel
  // also name the process.
  const { node: name, pid = listeningProcess(path) } = { ...ownerIn(answer), ...noted }
  // A store listens under a name that no node can have.
  const node = name?.startsWith('\x01') ? name.slice(1) : name
  const failed = answer === '' ? 'did not answer' : 'began to end, and has not ended'
  const remedy = pid === undefined ? '' : `; \`kill -9 ${pid}\` ends it`
  const detail = `process ${pid ?? 'unknown'} ${failed} in ${timeout} ms${remedy}`
  return new DyadError('ERR_DYAD_SILENT', { node, path: node === undefined ? path : undefined, detail })
}

/** Returns the paths at which services of this host's user may listen. */
export async function listControls(stateDir: string): Promise<string[]> {
  const directory = join(stateDir, 'services')
  try {
    const names = await readdir(directory)
    return names.filter((name) => name.endsWith('.sock')).map((name) => join(directory, name))
  } catch {
    return []
  }
}
