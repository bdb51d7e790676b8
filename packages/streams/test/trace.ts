import { createHash } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type fs from 'node:fs'

/** Returns the distinguishing properties of an error, except for the path in it. */
export function shapeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, cause } = error
  const code = 'code' in error ? error.code : undefined
  const syscall = 'syscall' in error ? error.syscall : undefined
  const said = message.replace(/'\/[^']*'/g, 'PATH')
  return {
    name,
    code,
    syscall,
    message: said,
    ...(cause instanceof Error && name === 'AbortError' ? { cause: shapeOf(cause) } : {}),
  }
}

/** Bytes or text, short enough to compare by eye. */
export function shapeOfChunk(chunk: Buffer | string): string {
  if (typeof chunk === 'string') return `text ${chunk.length > 40 ? hash(chunk) : chunk}`
  return `bytes ${chunk.length > 40 ? `${chunk.length} ${hash(chunk)}` : chunk.toString('latin1')}`
}

function hash(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

type Stream = fs.ReadStream | fs.WriteStream

/** Records every event that node:fs documents, in order, with the properties at that time. */
export class Trace {
  readonly lines: unknown[] = []
  readonly #stream: Stream

  constructor(stream: Stream, events: readonly string[]) {
    this.#stream = stream
    for (const event of events) {
      const emitter: EventEmitter = stream
      emitter.on(event, (...details: unknown[]) => this.note(event, ...(event === 'open' ? [] : details)))
    }
  }

  note(what: string, ...details: unknown[]): void {
    const { pending, destroyed, closed } = this.#stream
    const done = 'bytesRead' in this.#stream ? this.#stream.bytesRead : this.#stream.bytesWritten
    const shown = details.map((detail) =>
      detail instanceof Error
        ? shapeOf(detail)
        : Buffer.isBuffer(detail) || typeof detail === 'string'
          ? shapeOfChunk(detail)
          : '',
    )
    // How much is written when the source ends depends on time.
    this.lines.push([what, ...shown, { done: what === 'unpipe' ? 'some' : done, pending, destroyed, closed }])
  }
}

export const READER_EVENTS = ['open', 'ready', 'end', 'error', 'close', 'pause', 'resume']
export const WRITER_EVENTS = ['open', 'ready', 'drain', 'pipe', 'unpipe', 'finish', 'error', 'close']

/** Returns the result or the exception of a call, for a comparison. */
export async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return { returned: await call() }
  } catch (error) {
    return { threw: shapeOf(error) }
  }
}

/** Resolves once the stream is closed, whether it emits 'close' or not. */
export async function closed(stream: Stream): Promise<void> {
  while (!stream.closed) await new Promise<void>((resolve) => setImmediate(resolve))
}
