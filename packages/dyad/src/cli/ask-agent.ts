import { connect } from 'node:net'
import type { NewsItem, RunReport } from '@dyad-ts/agent'

/** How long an agent may take to answer, in ms. */
const ANSWER_MS = 5_000
const [HELLO, REPORT, NEWS] = [1, 8, 10]
const [DONE, REPORTED, FAILED] = [128, 131, 132]
const VERSION = 1
/** The longest frame, in bytes. */
const MOST_BYTES = 4 + 65_536

/** The error for an agent that accepts the connection and does not answer in time. */
export class SilentAgent extends Error {
  override readonly name = 'SilentAgent'
}

/**
 * Greets the agent at a path as a program with these variables does. Rejects with the agent's
 * objection to them, or with the reason why it does not answer.
 */
export async function greetAgent(path: string, variables: ReadonlyMap<string, string>): Promise<void> {
  await exchange(path, [helloFrame(variables)], [DONE])
}

/** Greets the agent, and resolves with the report of a run. */
export async function askReport(path: string, variables: ReadonlyMap<string, string>, run: string): Promise<RunReport> {
  const [, report] = await exchange(path, [helloFrame(variables), frame(REPORT, 2, text(run))], [DONE, REPORTED])
  return JSON.parse(String(report)) as RunReport
}

/**
 * Asks for the news of a run from index `from` on. With a signal it waits until there are any, or
 * until the signal fires.
 */
export async function askNews(
  path: string,
  variables: ReadonlyMap<string, string>,
  { run, from }: { run: string; from: number },
  signal?: AbortSignal,
): Promise<NewsItem[]> {
  const flags = Buffer.from([signal === undefined ? 0 : 1])
  const asking = frame(NEWS, 2, Buffer.concat([flags, number16(from), text(run)]))
  const [, news] = await exchange(path, [helloFrame(variables), asking], [DONE, REPORTED], signal)
  return JSON.parse(String(news)) as NewsItem[]
}

function helloFrame(variables: ReadonlyMap<string, string>): Buffer {
  const pairs = [...variables].flatMap((pair) => pair.map(text))
  return frame(HELLO, 1, Buffer.concat([number16(VERSION), text(''), number16(variables.size), ...pairs]))
}

/**
 * Sends frames, and resolves with the bodies of their answers, which come in the same order. Waits
 * until the time limit, or with a signal until that fires.
 */
function exchange(
  path: string,
  frames: readonly Buffer[],
  kinds: readonly number[],
  signal?: AbortSignal,
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const bodies: Buffer[] = []
    let received = Buffer.alloc(0)
    const socket = connect(path, () => socket.write(Buffer.concat(frames)))
    const fail = (why: string) => socket.destroy(new Error(why))
    const silent = () => socket.destroy(new SilentAgent(`the agent at ${path} does not answer`))
    if (signal === undefined) socket.setTimeout(ANSWER_MS, silent)
    const stop = () => socket.destroy(new Error('nobody waits for the answer any more'))
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
    socket.on('error', reject)
    socket.on('close', () => {
      signal?.removeEventListener('abort', stop)
      reject(new Error(`the agent at ${path} ended the connection`))
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
        const end = 4 + received.readUInt32LE(0)
        const [kind, body] = [received[4], received.subarray(9, end)]
        received = received.subarray(end)
        if (kind === FAILED) return fail(failureIn(body))
        if (kind !== kinds[bodies.length]) return fail(`${path} does not speak the protocol of the agent`)
        bodies.push(body)
      }
      if (received.length > MOST_BYTES) return fail(`${path} does not speak the protocol of the agent`)
      if (bodies.length < frames.length) return
      resolve(bodies)
      socket.destroy()
    })
  })
}

function frame(kind: number, id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32LE(5 + body.length, 0)
  head[4] = kind
  head.writeUInt32LE(id, 5)
  return Buffer.concat([head, body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number16(bytes.length), bytes])
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

/** Code and message of a failure. */
function failureIn(body: Buffer): string {
  const texts: string[] = []
  for (let at = 4; at + 2 <= body.length; at += 2 + body.readUInt16LE(at)) {
    texts.push(body.toString('utf8', at + 2, at + 2 + body.readUInt16LE(at)))
  }
  return texts.join(': ')
}
