import type { ChildProcess } from 'node:child_process'
import type { KvsCapabilities, KvsClient, KvsNamespace } from '../../kvs/contract.js'

/** One fresh store for one clause. */
export interface KvsSite {
  /** Another client of the store; the suite closes it. */
  client(): KvsClient | Promise<KvsClient>
  /** Number of waits that the store holds. */
  waiters(): number | Promise<number>
  /**
   * A process that called `serveKvsPeer`, forked with an IPC channel whose serialization is
   * 'advanced'; the suite ends it. Needed where `crossProcess` is declared.
   */
  fork?(): ChildProcess
  /**
   * Kills the server without warning and starts it again at the same address. Needed where
   * `crossProcess` is declared.
   */
  restart?(): Promise<void>
  /** Lets a client die without closing it; a process is killed where there is none. */
  crash?(client: KvsClient): void
  /** Takes the store down. */
  close(): Promise<void>
}

/** Options of `kvsConformance`. */
export interface KvsConformanceOptions {
  /** Makes a fresh store. */
  open(): KvsSite | Promise<KvsSite>
  /** What the implementation must declare; decides which of the optional clauses run. */
  capabilities: KvsCapabilities
  /** Ms that a clause may take before it counts as hanging. @default 60_000 */
  patience?: number | undefined
}

/** The other side of a clause: a second client, in this process or in another. */
export interface Writer {
  put(namespace: string, key: string, value: Uint8Array): Promise<number>
  createNamespace(name: string): Promise<void>
  removeNamespace(name: string): Promise<void>
  register(key: string, value: Uint8Array, ttl: number, takeover?: boolean): Promise<void>
  /** Takes a lease and keeps it; whether it is valid. */
  lease(namespace: string, key: string): Promise<boolean>
  /** Whether the lease taken last is still valid. */
  leased(): Promise<boolean>
  /** Stands still; possible in another process alone. */
  hang(): void
  goOn(): void
  /** Dies without a word. */
  die(): void
  close(): Promise<void>
}

/** What a clause works with. */
export interface World {
  readonly site: KvsSite
  readonly capabilities: KvsCapabilities
  readonly client: KvsClient
  readonly namespace: KvsNamespace
  readonly writer: Writer
  /** One more client, closed with the clause. */
  another(): Promise<KvsClient>
}

/** One promise of the contract. */
export interface Clause {
  readonly name: string
  /** The clause runs where this is declared; a clause without it always runs. */
  readonly needs?: keyof KvsCapabilities | undefined
  run(world: World): Promise<void>
}
