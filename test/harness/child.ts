/**
 * What tests wait for from a child process; each wait fails at once where the child ends instead.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** The exit code of a child, or the signal that killed it. */
type End = number | NodeJS.Signals | null

/** The next message of a child that was forked. */
export async function messageFrom<T>(child: ChildProcess): Promise<T> {
  const [message] = await unlessEnded(child, once(child, 'message'))
  return message as T
}

/** The next piece of what a child prints. */
export async function outputFrom(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('there is no output')
  const [piece] = await unlessEnded(child, once(child.stdout, 'data'))
  return String(piece)
}

/**
 * Resolves or rejects as `coming` does. Rejects where the child ends before, with its exit code or
 * signal and, where its stderr is a pipe, with what it wrote there meanwhile.
 */
export async function unlessEnded<T>(child: ChildProcess, coming: Promise<T>): Promise<T> {
  const over = new AbortController()
  let said = ''
  const listen = (chunk: Buffer) => {
    said += chunk
  }
  const ended = async () => {
    // Unlike `exit`, `close` comes after all messages and all output.
    if (!isClosed(child)) await once(child, 'close', { signal: over.signal })
    throw new Error(`the process ended (${child.signalCode ?? child.exitCode}) instead: ${said}`)
  }
  child.stderr?.on('data', listen)
  try {
    return await Promise.race([coming, ended()])
  } finally {
    over.abort()
    child.stderr?.off('data', listen)
  }
}

/** Resolves once a child has ended, with all that it wrote to the pipes of its outputs. */
export async function outcomeOf(child: ChildProcess): Promise<{ end: End; stdout: string; stderr: string }> {
  const [stdout = '', stderr = ''] = await Promise.all(
    [child.stdout, child.stderr].map((output) => (output === null ? '' : text(output))),
  )
  return { end: await endOf(child), stdout, stderr }
}

/**
 * Resolves with the exit code of a child, or the signal that killed it, also where it has ended
 * already.
 */
export async function endOf(child: ChildProcess): Promise<End> {
  if (!hasExited(child)) await once(child, 'exit')
  return child.signalCode ?? child.exitCode
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function isClosed(child: ChildProcess): boolean {
  return hasExited(child) && !child.connected && child.stdio.every((stream) => stream?.destroyed ?? true)
}
