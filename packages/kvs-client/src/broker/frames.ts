import { DyadError, isDyadError, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '@dyad-ts/core'
import { ERRORS } from '@dyad-ts/core/internal'
import { decode, encode } from '@dyad-ts/wire'
import { isCompact, type Post, postReply, postRequest, readReply, readRequest } from './compact-frames.js'
import type { CompactReply, MapReply, Reply, Request } from './messages.js'

/**
 * The frames of the messages between a client and a broker. compact-frames.ts has the layout of
 * most. The others are msgpack maps, whose `op` names the message.
 */

/** Both sides send it first, and refuse a peer of another version. */
export const PROTOCOL_VERSION = 5
/** Longest frame, in bytes: one value, one key and the other fields. */
export const MAX_FRAME_BYTES = MAX_VALUE_BYTES + MAX_KEY_BYTES + 16 * 1024
/** Most values in a request, keys included. */
const MAX_REQUEST_VALUES = 32
/** Longest lease, in ms: the longest timer there is. */
export const MAX_TTL_MS = 2 ** 31 - 1

/**
 * Duration of a lease, in ms. The client counts from its request and the broker from its answer, so
 * the client's lease ends first. Both use monotonic clocks.
 */
export const LEASE_MS = 2_000
/**
 * Most leases of one session, and of all sessions of a broker. Beyond them an answer carries none.
 */
export const MAX_SESSION_LEASES = 65_536
export const MAX_LEASES = 1_048_576

/** Posts a message of a client. */
export function sendRequest(request: Request, post: Post): void {
  switch (request.op) {
    case 'get':
    case 'wait':
    case 'put':
    case 'delete':
    case 'lease':
    case 'wait-lease':
    case 'cancel':
      postRequest(request, post)
      return
    default:
      postMap(request, post)
  }
}

/** Posts a message of a broker. */
export function sendReply(reply: MapReply | CompactReply, post: Post): void {
  switch (reply.op) {
    case 'entry':
    case 'leased':
    case 'stored':
    case 'none':
    case 'revoke':
      postReply(reply, post)
      return
    default:
      postMap(reply, post)
  }
}

function postMap(frame: MapReply | Request, post: Post): void {
  const bytes = encode(frame)
  post(bytes, bytes.length)
}

type Check = (value: unknown) => boolean
type Shapes = Record<string, Record<string, Check>>

const text: Check = (value) => typeof value === 'string'
const bytes: Check = (value) => value instanceof Uint8Array
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const truth: Check = (value) => typeof value === 'boolean'
const space: Check = (value) => value === null || typeof value === 'string'
const ttl: Check = (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_TTL_MS
const span: Check = (value) => typeof value === 'number' && value >= 0 && value <= MAX_TTL_MS
const short: Check = (value) => typeof value === 'string' && value.length > 0 && value.length <= 64
const result: Check = (value) => truth(value) || count(value)
const epochIfAny: Check = (value) => value === '' || epoch(value)
const code: Check = (value) => typeof value === 'string' && Object.hasOwn(ERRORS, value)
const epoch: Check = (value) => typeof value === 'string' && /^[\w-]{8}$/.test(value)
const entries: Check = (value) =>
  Array.isArray(value) &&
  value.every(
    (entry) => Array.isArray(entry) && text(entry[0]) && bytes(entry[1]) && count(entry[2]) && epoch(entry[3]),
  )
/** Brokers of earlier versions do not say what is waited for. */
const awaited: Check = (value) =>
  value === undefined ||
  (Array.isArray(value) &&
    value.every((each) => Array.isArray(each) && text(each[0]) && text(each[1]) && count(each[2])))
const stats: Check = (value) => typeof value === 'object' && value !== null && Object.values(value).every(count)

const REQUESTS: Shapes = {
  hello: { version: count },
  list: { id: count, space, prefix: text, after: count, epoch: epochIfAny },
  watch: { id: count, space, prefix: text, after: count, epoch: epochIfAny },
  register: {
    id: count,
    key: text,
    value: bytes,
    ttl,
    instance: short,
    since: count,
    epoch: epochIfAny,
    takeover: truth,
    former: count,
  },
  renew: { id: count, key: text, instance: short },
  unregister: { id: count, key: text, instance: short },
  create: { id: count, name: text, nonce: short },
  remove: { id: count, name: text },
  namespaces: { id: count },
  stats: { id: count },
  more: { id: count },
}

const REPLIES: Shapes = {
  hello: { version: count, durable: truth, epoch },
  done: { id: count, result },
  probe: { id: count },
  waits: { id: count, ms: span },
  batch: { id: count, entries, upTo: count },
  end: { id: count, entries },
  stats: { id: count, stats, awaited },
  error: { id: count, code, detail: text },
}

/** Reads a client's message and checks it field by field. ERR_DYAD_PROTOCOL if it is no request. */
export function toRequest(bytes: Buffer): Request {
  return isCompact(bytes) ? readRequest(bytes) : (conform(REQUESTS, decode(bytes, MAX_REQUEST_VALUES)) as Request)
}

/** Reads a broker's message and checks it field by field. ERR_DYAD_PROTOCOL if it is no reply. */
export function toReply(bytes: Buffer): Reply {
  return isCompact(bytes) ? readReply(bytes) : (conform(REPLIES, decode(bytes)) as MapReply)
}

function conform(shapes: Shapes, frame: unknown): unknown {
  if (typeof frame !== 'object' || frame === null) throw malformed('not a map')
  const fields = frame as Record<string, unknown>
  const { op } = fields
  if (typeof op !== 'string' || !Object.hasOwn(shapes, op)) throw malformed('no such operation')
  if (op === 'hello' && fields.version !== PROTOCOL_VERSION) throw otherVersion(fields.version)
  for (const [name, check] of Object.entries(shapes[op] ?? {})) {
    if (!check(fields[name])) throw malformed(`${op}: ${name} is not what it must be`)
  }
  return frame
}

/** The message of the error with which either side refuses a peer of another version. */
const OTHER_VERSION = 'the peer speaks another version of the protocol'

function otherVersion(version: unknown): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', {
    detail: `${OTHER_VERSION}: ${Number(version)}, and this side ${PROTOCOL_VERSION}`,
  })
}

/**
 * Returns true if a link failed because its peer has another version, which another attempt cannot
 * change.
 */
export function isOtherVersion(error: unknown): error is DyadError {
  return isDyadError(error, 'ERR_DYAD_PROTOCOL') && error.detail.startsWith(OTHER_VERSION)
}

function malformed(detail: string): DyadError {
  return new DyadError('ERR_DYAD_PROTOCOL', { detail: `malformed frame: ${detail}` })
}
