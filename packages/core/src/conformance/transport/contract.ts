import type { FileSource, FileVersion, Transport, TransportAddress, TransportServer } from '../../transfer/contract.js'

/**
 * What the suite needs of a test runner: `test` of tap, node:test and most others will do. A body
 * that rejects is a failure.
 */
export type ConformanceTest = (name: string, body: () => Promise<void>) => unknown

/** Options of {@link transportConformance}. */
export interface TransportConformanceOptions {
  /** Makes a transport; the suite closes it. */
  create(): Transport | Promise<Transport>
  /**
   * Module that calls {@link serveTransportPeer} with the same factory; it is run in a process of
   * its own.
   */
  peer: URL | string
  /** Milliseconds after which a clause that hangs counts as failed. @default 60000 */
  patience?: number | undefined
}

/** What the owner's side of a transport has done so far. */
export interface Counts {
  /** Files opened through the source; 0 for ever if the transport has no need to ask the owner. */
  readonly opened: number
  readonly open: number
  /** Bytes read of each path. */
  readonly read: Readonly<Record<string, number>>
}

/** The owner's side, in this process or another. */
export interface Owner {
  readonly address: TransportAddress
  counts(): Promise<Counts>
  /** Resolves when no file of the source is open. */
  idle(): Promise<void>
  /** Ends the server, in this process by close(), else by SIGKILL of the process. */
  kill(): Promise<void>
  /** Closes the server, twice. */
  close(): Promise<void>
}

/** What a clause works with; all of it is torn down after the clause. */
export interface World {
  /** The managed directory, symbolic links resolved. */
  readonly storage: string
  /** A directory that is not served. */
  readonly outside: string
  readonly owner: Owner
  readonly transport: Transport
  /** Another transport of the same kind, torn down like the first. */
  another(): Promise<Transport>
  /** Serves another source in this process; the server is torn down too. */
  serve(transport: Transport, source: FileSource): Promise<TransportServer>
  /** Writes a file of `size` bytes that `seed` determines, with a modification time long past. */
  write(path: string, size: number, seed?: number): Promise<FileVersion>
}

/** One promise of the contract. */
export interface Clause {
  readonly name: string
  run(world: World): Promise<void>
}
