/** The frames of the agent's protocol, which docs/agent-protocol.md describes. */

import { constants } from 'node:os'

/** A request to the agent. */
export type AgentRequest =
  | { readonly kind: 'consume' | 'look'; readonly name: string; readonly wait: boolean }
  | { readonly kind: 'produce' | 'change' | 'own'; readonly name: string }
  /** `isDirectory`: the name was the name of a directory. */
  | { readonly kind: 'remove'; readonly name: string; readonly isDirectory: boolean }
  | { readonly kind: 'move'; readonly from: string; readonly to: string; readonly isDirectory: boolean }

/**
 * An answer of the agent. `passed` stands for the answer of an agent that is missing, and may be.
 */
export type AgentAnswer =
  | { readonly kind: 'done' | 'absent' | 'passed' }
  | { readonly kind: 'record'; readonly size: bigint; readonly mtimeNs: bigint; readonly mode: number }
  | AgentFailure

/** The answer to a failed request. */
export interface AgentFailure {
  readonly kind: 'failed'
  /** Error number of this host, positive. */
  readonly errno: number
  /** Code of the table of errors. */
  readonly code: string
  readonly message: string
}

const VERSION = 1
const HELLO = 1
const KINDS = { consume: 2, look: 3, produce: 4, change: 5, remove: 6, move: 7, own: 9 } as const
/** The flag of CONSUME and LOOK, and that of REMOVE and MOVE. */
const WAIT = 1
const DIRECTORY = 1
const DONE = 128
const ABSENT = 129
const RECORD = 130
const FAILED = 132
/** Bytes of a frame before its body. */
const HEAD = 9
const MIN_LENGTH = 5
const MAX_LENGTH = 65_536
const RECORD_BYTES = 20

/** Returns the frame HELLO of a program with these variables. */
export function helloFrame(id: number, run: string, variables: ReadonlyMap<string, string>): Buffer {
  const texts = [...variables].flat().map(text)
  const counts = [number(VERSION), text(run), number(variables.size)]
  return frame(HELLO, id, Buffer.concat([...counts, ...texts]))
}

/** Returns the frame of a request. */
export function requestFrame(id: number, request: AgentRequest): Buffer {
  const names = request.kind === 'move' ? [request.from, request.to] : [request.name]
  return frame(KINDS[request.kind], id, Buffer.concat([Buffer.of(flagsOf(request)), ...names.map(text)]))
}

function flagsOf(request: AgentRequest): number {
  if ('wait' in request) return request.wait ? WAIT : 0
  return 'isDirectory' in request && request.isDirectory ? DIRECTORY : 0
}

/** Returns a number in two bytes. */
function number(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number(bytes.length), bytes])
}

function frame(kind: number, id: number, body: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32LE(HEAD - 4 + body.length)
  head.writeUInt8(kind, 4)
  head.writeUInt32LE(id, 5)
  return Buffer.concat([head, body])
}

/**
 * Returns the length of the first frame in `bytes`, or undefined before its head is complete.
 * Throws a RangeError out of bounds.
 */
export function frameBytes(bytes: Buffer): number | undefined {
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32LE()
  if (length < MIN_LENGTH || length > MAX_LENGTH) throw new RangeError(`a frame of ${length} bytes`)
  return 4 + length
}

/** Returns the id and the answer of one whole frame. Throws a RangeError for a malformed one. */
export function readAnswer(bytes: Buffer): { id: number; answer: AgentAnswer } {
  const id = bytes.readUInt32LE(5)
  return { id, answer: bodyOf(bytes.readUInt8(4), bytes.subarray(HEAD)) }
}

function bodyOf(kind: number, body: Buffer): AgentAnswer {
  if (kind === DONE && body.length === 0) return { kind: 'done' }
  if (kind === ABSENT && body.length === 0) return { kind: 'absent' }
  if (kind === RECORD && body.length === RECORD_BYTES) {
    return {
      kind: 'record',
      size: body.readBigUInt64LE(),
      mtimeNs: body.readBigUInt64LE(8),
      mode: body.readUInt32LE(16),
    }
  }
  if (kind !== FAILED) throw new RangeError(`an answer of kind ${kind} with ${body.length} bytes`)
  const errno = errnoIn(body.readUInt32LE())
  const code = textAt(body, 4)
  const message = textAt(body, code.end)
  if (message.end !== body.length) throw new RangeError('bytes behind an answer')
  return { kind: 'failed', errno, code: code.value, message: message.value }
}

/** Keeps a failure from becoming a number that is no error. */
function errnoIn(errno: number): number {
  return errno >= 1 && errno < 4096 ? errno : constants.errno.EIO
}

function textAt(body: Buffer, offset: number): { value: string; end: number } {
  const start = offset + 2
  const end = start + body.readUInt16LE(offset)
  if (end > body.length) throw new RangeError('a text that is longer than its frame')
  return { value: body.toString('utf8', start, end), end }
}
