/**
 * The contract of a key-value store. An implementation is one source file and a test of three lines
 * that runs `kvsConformance` of `@dyad-ts/core/conformance` against it.
 *
 * Every call takes an AbortSignal and rejects with its reason when it fires. Errors are DyadErrors:
 * ERR_DYAD_NAMESPACE_MISSING, ERR_DYAD_KEY (empty key, key over {@link MAX_KEY_BYTES}, value over
 * {@link MAX_VALUE_BYTES}), ERR_DYAD_KVS_UNREACHABLE (the store cannot be reached in time),
 * ERR_DYAD_DENIED, and ERR_DYAD_CLOSED after `close()`, which also ends every call and iteration
 * under way with that error.
 */

/** Longest key, in UTF-8 bytes. */
export const MAX_KEY_BYTES = 4000
/** Longest value, in bytes. */
export const MAX_VALUE_BYTES = 1024 * 1024

/** Options of every call that may wait. */
export interface Waiting {
  /** Ends the call early; it rejects with the signal's reason. @default none */
  signal?: AbortSignal | undefined
}

/** Identifies a put. No two puts of a store have the same stamp, whatever becomes of the store. */
export interface KvsStamp {
  /**
   * Grows with every put of the key, for ever: across restarts of the store, and across removal and
   * creation anew of the namespace. An integer up to 2^53 − 1. Only an older copy of the store's
   * data, or a store that forgets, gives a revision twice: then under another epoch.
   */
  readonly revision: number
  /**
   * Names the start of the store in which the record was put, in at most 16 letters, digits, - and
   * _; undefined for a store that never gives a revision twice. Revisions of different epochs do
   * not say which one is newer: only the store's present entry does.
   */
  readonly epoch?: string | undefined
}

/** An entry of a store. The value belongs to the reader. */
export interface KvsEntry extends KvsStamp {
  readonly key: string
  readonly value: Uint8Array
}

/** The calls that read, of a namespace and of the registry. */
export interface KvsReader {
  /** Resolves with the entry under `key`, or with undefined if there is none. */
  get(key: string, options?: Waiting): Promise<KvsEntry | undefined>
  /**
   * Resolves with the entry under `key` as soon as there is one. Waits as long as the signal
   * allows, across a restart of the store too; rejects with ERR_DYAD_NAMESPACE_MISSING at once, or
   * when the namespace is removed meanwhile.
   */
  waitFor(key: string, options?: Waiting): Promise<KvsEntry>
  /**
   * Yields the entries whose key begins with `prefix`, in no particular order. It may or may not
   * show changes that are made meanwhile.
   */
  list(prefix: string, options?: Waiting): AsyncIterableIterator<KvsEntry>
  /**
   * Yields the entries whose key begins with `prefix`: the present ones, then each that is put. It
   * may leave out an entry for a newer one of the same key. It misses none over a lost connection;
   * after a restart of the store on older data it yields all of them again. Ends only by
   * `return()`, the signal, `close()` or the namespace's removal.
   */
  watch(prefix: string, options?: Waiting): AsyncIterableIterator<KvsEntry>
}

/**
 * An entry that a client may trust without asking again, for as long as the lease is valid. The
 * caller that asked for it disposes it.
 */
export interface Lease extends Disposable {
  readonly entry: KvsEntry | undefined
  /**
   * True as long as no later put or delete of the key, and no removal of its namespace, can have
   * been acknowledged to its caller. False once it is not, for ever; an implementation may say so
   * early. Reading it costs no round trip.
   */
  readonly valid: boolean
}

/** Options of {@link KvsNamespace.lease}. */
export interface LeaseOptions extends Waiting {
  /** Whether to wait for the entry, as `waitFor` does. @default false */
  wait?: boolean | undefined
  /** Whether the process may end while this waits. @default false */
  background?: boolean | undefined
}

/** One isolated sharing context in the store. */
export interface KvsNamespace extends KvsReader {
  readonly name: string
  /**
   * Stores a copy of `value` under `key` and resolves with its stamp once every later `get` and
   * every blocked `waitFor` sees it. A connection lost meanwhile is made anew and the call
   * repeated, which may take two revisions.
   */
  put(key: string, value: Uint8Array, options?: Waiting): Promise<KvsStamp>
  /** Removes the key; resolves with whether it was there. */
  delete(key: string, options?: Waiting): Promise<boolean>
  /**
   * Resolves with the entry under `key`, as `get` or `waitFor` gives it, and a lease on it; with
   * undefined, and no lease, if there is none. While clients hold leases on a key, the store
   * acknowledges a put or delete of it, and shows it to others, only when it has taken each lease
   * back or the lease has run out. A namespace has this call where `readLeases` is declared.
   */
  lease?(key: string, options?: LeaseOptions): Promise<Lease | undefined>
}

/** A key that vanishes with its owner. */
export interface Registration extends AsyncDisposable {
  /**
   * Fires when the registration has lost its key: with a DyadError ERR_DYAD_NODE_TAKEN where
   * another one took it over, or with the error of a store that refuses it.
   */
  readonly lost: AbortSignal
  /** Removes the key, unless it was taken over. */
  close(): Promise<void>
}

/**
 * Abilities of an implementation beyond the mandatory clauses. Its conformance test asserts those
 * that it declares.
 */
export interface KvsCapabilities {
  /** An entry survives a restart of the store once its `put` has resolved. */
  readonly durable: boolean
  /** Several processes share one store. */
  readonly crossProcess: boolean
  /** A registered key expires when its owner dies without closing it. */
  readonly leases: boolean
  /** Namespaces have `lease`. */
  readonly readLeases: boolean
}

/** Options of {@link KvsClient.register}. */
export interface RegisterOptions extends Waiting {
  /** Milliseconds that the key outlives the last sign of life of its owner. */
  ttl: number
  /** Whether the process may end while the key is registered. @default false */
  background?: boolean | undefined
  /** Whether to take the key from its holder, if it has one. @default false */
  takeover?: boolean | undefined
  /**
   * The revision of the key's entry in the registry whose holder is known to have ended: the key is
   * taken from that holder at once, and from no other. @default none
   */
  former?: number | undefined
  /**
   * Called with the ms for which a silent holder may still keep the key. The registration goes on,
   * and takes the key once the holder's time has run out. Called at most once for each such holder.
   */
  onWaiting?: ((ms: number) => void) | undefined
}

/** A store that does not answer at this moment. */
export interface KvsOutage {
  /** Where the store is looked for. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** The failure of the last attempt to reach it. */
  readonly why: Error
}

/** A client of a key-value store. The caller that made it closes it. */
export interface KvsClient extends AsyncDisposable {
  /**
   * Since when and why the store does not answer, as far as the client knows. Undefined while it
   * answers.
   */
  readonly outage: KvsOutage | undefined
  /**
   * Calls `told` with the outage when the store goes away while anything is under way, and with
   * undefined when it is back, until the function returned is called. A store of this process alone
   * never goes away.
   */
  onOutage(told: (outage: KvsOutage | undefined) => void): () => void
  readonly capabilities: KvsCapabilities
  /** Names the store, so that revisions of different stores are never compared. */
  readonly id: string
  /**
   * Returns a namespace by name, without asking the store. ERR_DYAD_NAMESPACE_NAME if the name is
   * invalid.
   */
  namespace(name: string): KvsNamespace
  /** Creates a namespace. ERR_DYAD_NAMESPACE_EXISTS, ERR_DYAD_NAMESPACE_NAME. */
  createNamespace(name: string, options?: Waiting): Promise<void>
  /** Resolves with the names of the namespaces, sorted. */
  listNamespaces(options?: Waiting): Promise<string[]>
  /** Removes a namespace with all its entries. ERR_DYAD_NAMESPACE_MISSING. */
  removeNamespace(name: string, options?: Waiting): Promise<void>
  /** The keys that are registered now. It is separate from every namespace. */
  readonly registry: KvsReader
  /**
   * Registers `key` until the registration is closed or `ttl` ms pass without a sign of life of its
   * owner. A key that is held is given only to a caller that asks for it by `takeover`: the store
   * asks the holder for a sign of life, and rejects with ERR_DYAD_NODE_TAKEN when it gives one. A
   * holder that gives none keeps the key until its time has run out. A holder that comes back over
   * a restart of the store gets its key back from a caller that registered meanwhile without
   * `takeover`.
   */
  register(key: string, value: Uint8Array, options: RegisterOptions): Promise<Registration>
  /** Ends everything under way with ERR_DYAD_CLOSED. Closing twice is no error. */
  close(): Promise<void>
}

const NAMESPACE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._\-:@+/]{0,199}$/

/** Returns whether `name` can name a namespace. */
export function isNamespaceName(name: unknown): name is string {
  return typeof name === 'string' && NAMESPACE_NAME.test(name)
}
