/** A value and its revision, as stored. Nobody changes either. */
export interface Stored {
  readonly value: Uint8Array
  readonly revision: number
}

/** The records of one namespace. Keys and values have been checked. */
export interface Records {
  /** What is stored and committed under `key`. */
  get(key: string): Stored | undefined
  /** Resolves once committed; calls commit in the order they are made in. `value` belongs to the store from now on. */
  put(key: string, stored: Stored): Promise<void>
  /** Resolves once committed with whether there was such a key. */
  delete(key: string): Promise<boolean>
  /** The records whose key begins with `prefix`; what changes meanwhile may be seen or not. */
  scan(prefix: string): Iterator<[string, Stored]>
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
  /** A revision that no revision given so far is above. */
  readonly ceiling: number
  /** Remembers a higher ceiling, before any put that is asked for after it. */
  raise(ceiling: number): void
  namespaces(): StoredNamespace[]
  create(name: string, nonce: string): { namespace: StoredNamespace; committed: Promise<void> }
  remove(namespace: StoredNamespace): Promise<void>
  /** Number of records in all namespaces. */
  count(): number
  close(): Promise<void>
}
