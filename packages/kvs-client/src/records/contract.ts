import type { Packed } from './packed.js'

/**
 * Called once with the error of a write or the record before it: in the order of the writes, at
 * once or later.
 */
export type Committed = (error: Error | undefined, before: Packed | undefined) => void

/**
 * A record that a scan has found, or undefined for {@link PASSED_LOOKS} others that it has passed.
 * The caller may give way there.
 */
export type Scanned = [string, Packed] | undefined
/** Records that a scan passes before it yields undefined. */
export const PASSED_LOOKS = 256

/** The records of one namespace. Callers have checked keys and values. */
export interface Records {
  /** Returns the committed record of `key`. */
  get(key: string): Packed | undefined
  put(key: string, packed: Packed, done: Committed): void
  delete(key: string, done: Committed): void
  /** Returns true if the key was deleted before this process opened the store, and recently. */
  wasDeleted(key: string): boolean
  /** Yields the records whose key begins with `prefix`, with or without changes meanwhile. */
  scan(prefix: string): IterableIterator<Scanned>
}

/** A namespace as a record store keeps it. */
export interface StoredNamespace {
  readonly name: string
  /** Names the call that created it, so that a repeated call is no error. */
  readonly nonce: string
  readonly records: Records
}

/** Keeps the namespaces and records of a broker. */
export interface RecordStore {
  readonly durable: boolean
  /** No earlier revision is above it; 0 for a store without a past. */
  readonly ceiling: number
  /** The highest revision among all puts so far; 0 for a store without a past. */
  readonly latest: number
  /** Begins a start of the store: later puts are under its epoch. */
  begin(epoch: string): void
  /**
   * Returns the highest revision among the puts up to the end of an epoch's start, or undefined if
   * that start is not of this store's past.
   */
  lastOf(epoch: string): number | undefined
  /** Messages for the operator about the opening of the store. */
  readonly notices: readonly string[]
  /** Stores a higher ceiling, before any later put. */
  raise(ceiling: number): void
  namespaces(): StoredNamespace[]
  /** Creates a namespace, which can be written at once. It is committed when `done` is called. */
  create(name: string, nonce: string, done: Committed): StoredNamespace
  remove(namespace: StoredNamespace, done: Committed): void
  /** Returns the number of records in all namespaces. */
  count(): number
  close(): Promise<void>
}
