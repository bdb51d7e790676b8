/** What a user installs: sessions, streams and nodes, with the store and the transports chosen. */
export {
  CHANNELS,
  type ConfigOptions,
  type ConsumeOptions,
  type Diagnostics,
  DyadCore,
  type DyadCoreOptions,
  DyadError,
  type ErrorCode,
  type FileRecord,
  isDyadError,
  type KvsOutage,
} from '@dyad-ts/core'
export { DyadFile, DyadReadStream, DyadWriteStream } from '@dyad-ts/streams'
export { connect, Dyad } from './connect.js'
export type { StoreStatus } from './host-store.js'
export { type NodeStatus, type RunningNode, type StartOptions, start } from './start.js'
export { type AloneStatus, type RunningStore, type StartStoreOptions, startStore } from './start-store.js'
