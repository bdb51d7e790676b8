/** The contracts, and the session that turns a path into a file in place. Depends on Node, and on what Node lacks: locks of files, and patterns. */
export {
  type Config,
  type ConfigOptions,
  DTL_MODES,
  OPTIONS,
  type OptionName,
  type OptionOrigin,
  readConfig,
  readConfigWithToken,
  readOption,
  type TokenSource,
  tokenSource,
  warnOfVariables,
} from './config.js'
export type { OnProgress } from './consumer/arrival.js'
export type { ConsumedFile, TakeDone } from './consumer/consumed-file.js'
export type { ConsumeOptions } from './consumer/consumer.js'
export { type LockWait, type NodeLock, NodeLocks } from './consumer/node-lock.js'
export type { PrefetchResult } from './consumer/read-ahead.js'
export type { ReadDone } from './consumer/read-descriptor.js'
export { DyadCore, type DyadCoreOptions } from './core.js'
export { giveBackController, takeController } from './deadline.js'
export { descriptorClosed, descriptorLimit, onShortage, withDescriptors } from './descriptors.js'
export { CHANNELS, type Diagnostics } from './diagnostics.js'
export { type FileDigest, RunningDigest } from './digest.js'
export { DyadError, ERRORS, type ErrorCode, type ErrorContext, type ErrorRow, isDyadError, reasonOf } from './errors.js'
export { hasFileLocks, type LockRange, tryLock } from './file-lock.js'
export { flatOptions } from './flat-options.js'
export { LONGEST_MS, milliseconds, wholeNumber } from './given-number.js'
export * from './kvs/contract.js'
export { keyOf } from './kvs/key.js'
export { decodeNodeEntry, encodeNodeEntry, type NodeEntry } from './kvs/node-entry.js'
export { type OutageListener, Outages } from './kvs/outages.js'
export { decodeAnyRecord, decodeRecord, encodeRecord, type FileRecord, type PublishedFile } from './kvs/record.js'
export { isLoopbackHost, loopbackAdvice, loopbackNetwork } from './loopback.js'
export { makeDirectory } from './make-directory.js'
export type { ManagedFile } from './managed-directory.js'
export { openRegular } from './open-regular.js'
export type { OptionRow } from './option-row.js'
export { reads, type StagedFile, writes } from './producer/stage.js'
export { checkStateDirectory, prepareStateDirectory } from './state-directory.js'
export { abortable } from './transfer/abortable.js'
export * from './transfer/contract.js'
export { readInteger, readText, writeInteger } from './transfer/frame-fields.js'
export { isNodeKey } from './transfer/nodes.js'
export { obstacleTo } from './transfer/obstacle.js'
export { broken, errorOf, errorText } from './transfer/owner-error.js'
export { type Place, type PlaceHolder, Places, type PlacesOptions } from './transfer/places.js'
export { type Range, rangeOf } from './transfer/range.js'
export { SilentServers } from './transfer/silent-servers.js'
export { Slots } from './transfer/slots.js'
export { ManagedSource, type OpenedFile } from './transfer/source.js'
export { makeTrustedDirectory } from './trusted-place.js'
export { userId } from './user-id.js'
export { visible } from './visible.js'
export { writeAll } from './write-all.js'
