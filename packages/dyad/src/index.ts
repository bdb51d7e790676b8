/**
 * What a user installs: sessions, streams and nodes, with the store and the transports chosen, and
 * every type that their methods take and return.
 */
export {
  CHANNELS,
  type Config,
  type ConfigOptions,
  type ConsumedFile,
  type ConsumeOptions,
  type Diagnostics,
  type DtlMode,
  type DurationText,
  DyadCore,
  type DyadCoreOptions,
  DyadError,
  type ErrnoName,
  type ErrorCode,
  type ErrorContext,
  type FileDigest,
  type FileRecord,
  type FileVersion,
  type Generation,
  isDyadError,
  type KvsClient,
  type KvsOutage,
  type ManagedFile,
  type NodeEntry,
  type OnProgress,
  type OptionName,
  type OutageListener,
  type PrefetchResult,
  type PublishedFile,
  type ReadDone,
  type StagedFile,
  type TakeDone,
  type Transport,
  type TransportAddress,
  type Waiting,
} from '@dyad-ts/core'
export type { BrokerStats } from '@dyad-ts/kvs-client'
export type { LeftOut, SilentHolder } from '@dyad-ts/service'
export {
  DyadFile,
  type DyadFileOptions,
  DyadReadStream,
  type DyadReadStreamOptions,
  DyadWriteStream,
  type DyadWriteStreamOptions,
  type FileReadStreamOptions,
  type FileWriteStreamOptions,
  type Listeners,
  type OpenFlags,
} from '@dyad-ts/streams'
export { connect, Dyad } from './connect.js'
export type { StoreStatus } from './host-store.js'
export { type NodeStatus, type RunningNode, type StartOptions, start } from './start.js'
export { type AloneStatus, type RunningStore, type StartStoreOptions, startStore } from './start-store.js'
