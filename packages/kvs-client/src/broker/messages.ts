import type { ErrorCode } from '@dyad-ts/core'
import type { Packed } from '../records/packed.js'

/**
 * The messages between a client and a broker. `id` names the request of a message. The client
 * chooses ids, and uses none twice on a link.
 */

/** Name of a namespace, or null for the registry. */
export type Space = string | null

/** Counts of the contents of a broker. */
export interface BrokerStats {
  namespaces: number
  records: number
  waiters: number
  watches: number
  links: number
  leases: number
}

/** A key that has no record and is waited for, in a namespace. */
export type Awaited = [namespace: string, key: string, waiters: number]

/** `lease` and `wait-lease` are `get` and `wait` whose answers may carry a lease. */
export interface KeyRequest {
  op: 'get' | 'wait' | 'delete' | 'lease' | 'wait-lease'
  id: number
  space: Space
  key: string
}
export interface PutRequest {
  op: 'put'
  id: number
  space: Space
  key: string
  value: Uint8Array
}
/**
 * Streams entries, a batch for each `more`. `after` leaves out entries up to that revision, which
 * the store gave under `epoch`.
 */
export interface StreamRequest {
  op: 'list' | 'watch'
  id: number
  space: Space
  prefix: string
  after: number
  epoch: string
}
export interface RegisterRequest {
  op: 'register'
  id: number
  key: string
  value: Uint8Array
  ttl: number
  instance: string
  /** The result of the first answer; 0 for a registration that has not held the key yet. */
  since: number
  /** The epoch in which the registration first held the key; '' if it has not yet. */
  epoch: string
  /** Whether to take the key from its holder. Has no effect once the instance held the key. */
  takeover: boolean
  /**
   * Revision of the entry of an ended holder, from which the instance may take the key; 0 for none.
   */
  former: number
}
/**
 * `cancel` ends a request, or returns a lease: by its holder's choice, or as the answer to
 * `revoke`.
 */
export type CompactRequest = KeyRequest | PutRequest | { op: 'cancel'; id: number }
export type Request =
  | { op: 'hello'; version: number }
  | CompactRequest
  | StreamRequest
  | RegisterRequest
  | { op: 'renew' | 'unregister'; id: number; key: string; instance: string }
  | { op: 'create'; id: number; name: string; nonce: string }
  | { op: 'remove'; id: number; name: string }
  | { op: 'namespaces' | 'stats' | 'more'; id: number }

/** One entry of a batch: key, value, revision, epoch. */
export type EntryTuple = [key: string, value: Uint8Array, revision: number, epoch: string]

/** `stored` answers a put. `revoke` asks for the lease of the request that it names. */
export type CompactReply =
  | { op: 'entry' | 'leased'; id: number; packed: Packed }
  | { op: 'stored'; id: number; revision: number; epoch: string }
  | { op: 'none' | 'revoke'; id: number }
export type MapReply =
  /** `epoch` names this start of the broker. */
  | { op: 'hello'; version: number; durable: boolean; epoch: string }
  /** `result` is the `since` of a registration, or whether the request changed anything. */
  | { op: 'done'; id: number; result: number | boolean }
  /** Asks the registration for a sign of life. */
  | { op: 'probe'; id: number }
  /**
   * Another holder without a sign of life keeps the key of the registration, for so many ms at
   * most.
   */
  | { op: 'waits'; id: number; ms: number }
  /** `upTo`: the batches so far have every entry up to this revision; 0 if that is unknown. */
  | { op: 'batch'; id: number; entries: EntryTuple[]; upTo: number }
  | { op: 'end'; id: number; entries: EntryTuple[] }
  /** `awaited` has the first keys that are waited for, and not all where there are many. */
  | { op: 'stats'; id: number; stats: BrokerStats; awaited?: Awaited[] }
  | { op: 'error'; id: number; code: ErrorCode; detail: string }

/** A reply as its reader gets it: the value is a view into the frame. */
export type ReadReply =
  | { op: 'entry' | 'leased'; id: number; value: Buffer; revision: number; epoch: string }
  | { op: 'stored'; id: number; revision: number; epoch: string }
  | { op: 'none' | 'revoke'; id: number }

/** A message to a client. */
export type Reply = MapReply | ReadReply
