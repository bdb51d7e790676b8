import type { Packed } from './packed.js'

/**
 * Called once with what came of a write, and with what was under the key before it: in the order in
 * which writes were asked for, at once or later.
 */
export type Committed = (error: Error | undefined, before: Packed | undefined) => void

/**
 * A record that a scan has found, or undefined for {@link PASSED_LOOKS} others that it has passed:
 * whoever scans may give way there.
 */
export type Scanned = [string, Packed] | undefined
/** Records that a scan passes before it says so. */
export const PASSED_LOOKS = 256

/** The records of one namespace. Keys and values have been checked. */
export interface Records {
  /** What is stored and committed under `key`. */
  get(key: string): Packed | undefined
  put(key: string, packed: Packed, done: Committed): void
  delete(key: string, done: Committed): void
  /** Whether the key was deleted before this process opened the store, not long ago. */
  wasDeleted(key: string): boolean
  /** The records whose key begins with `prefix`; what changes meanwhile may be seen or not. */
  scan(prefix: string): IterableIterator<Scanned>
}

/** A namespace as a record store keeps it. */
export interface StoredNamespace {
  readonly name: string
  /** Which call created it, so that the same call sent again is no error. */
  readonly nonce: string
  readonly records: Records
}

/** Where a broker keeps its namespaces and records. */
export interface RecordStore {
  readonly durable: boolean
  /** A revision that no revision given so far is above; 0 for a store without a past. */
  readonly ceiling: number
  /** The highest revision among all puts so far; 0 for a store without a past. */
  readonly latest: number
  /** A start of the store begins: what is put from now on is put under its epoch. */
  begin(epoch: string): void
  /**
   * The highest revision among the puts up to the end of the start of an epoch; undefined if that
   * start is not of this store's past.
   */
  lastOf(epoch: string): number | undefined
  /** What whoever runs the store is to be told of how it was opened. */
  readonly notices: readonly string[]
  /** Remembers a higher ceiling, before any put that is asked for after it. */
  raise(ceiling: number): void
  namespaces(): StoredNamespace[]
  /** The namespace can be written at once; it lasts from when `done` is called. */
  create(name: string, nonce: string, done: Committed): StoredNamespace
  remove(namespace: StoredNamespace, done: Committed): void
  /** Number of records in all namespaces. */
  count(): number
  close(): Promise<void>
}
