/**
 * The contracts, and the session that turns a path into a file in place. Depends on Node, and on
 * what Node lacks: locks of files, and patterns.
 */

export type { OnProgress } from './consumer/arrival.js'
export type { ConsumedFile, TakeDone } from './consumer/consumed-file.js'
export type { ConsumeOptions } from './consumer/consumer.js'
export { type LockWait, type NodeLock, NodeLocks } from './consumer/node-lock.js'
export type { PrefetchResult } from './consumer/read-ahead.js'
export type { ReadDone } from './consumer/read-descriptor.js'
export { DyadCore, type DyadCoreOptions } from './core.js'
export { giveBackController, listenTo, takeController } from './deadline.js'
export { CHANNELS, type Diagnostics } from './diagnostics.js'
export {
  DyadError,
  ERRORS,
  type ErrnoName,
  type ErrorCode,
  type ErrorContext,
  type ErrorRow,
  errnoOf,
  isDyadError,
  reasonOf,
} from './errors.js'
export { descriptorPath, hasDescriptorPaths } from './files/descriptor-path.js'
export { descriptorClosed, descriptorLimit, isShortage, onShortage, withDescriptors } from './files/descriptors.js'
export { type FileDigest, RunningDigest } from './files/digest.js'
export { hasFileCapabilities } from './files/file-capabilities.js'
export { hasFileLocks, type LockRange, tryLock } from './files/file-lock.js'
export { makeDirectory } from './files/make-directory.js'
export { NO_BUILD, warnOfMissingLocks } from './files/missing-locks.js'
export { openRegular } from './files/open-regular.js'
export { Temporaries } from './files/temporaries.js'
export { makeTrustedDirectory } from './files/trusted-place.js'
export { writeAll } from './files/write-all.js'
export * from './kvs/contract.js'
export { keyOf } from './kvs/key.js'
export { decodeNodeEntry, encodeNodeEntry, type NodeEntry } from './kvs/node-entry.js'
export { type OutageListener, Outages } from './kvs/outages.js'
export { encodeRecord, type FileRecord, type PublishedFile } from './kvs/record.js'
export { prepareLateModule } from './late-module.js'
export { isLoopbackHost, loopbackAdvice, loopbackNetwork } from './loopback.js'
export type { ManagedFile } from './managed-directory.js'
export { managedPathFault } from './managed-path.js'
export { agentPath } from './options/agent-path.js'
export { CLIENT_OPTIONS, type ClientOptionRow } from './options/client-options.js'
export {
  type Config,
  type ConfigOptions,
  DTL_MODES,
  environment,
  OPTIONS,
  type OptionName,
  type OptionOrigin,
  optionText,
  readConfig,
  readOption,
  warnOfVariables,
} from './options/config.js'
export { flatOptions, withInherited, wrongOption } from './options/flat-options.js'
export { LONGEST_MS, milliseconds, wholeNumber } from './options/given-number.js'
export type { OptionRow } from './options/option-row.js'
export { isPreloadable, preloadedBy } from './options/preloaded.js'
export { programEnvironment } from './options/program-environment.js'
export { readConfigWithToken, type TokenSource, tokenSource } from './options/token-source.js'
export { reads, type StagedFile, writes } from './producer/stage.js'
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
export { listenAtSocket, type SocketPlace, withSocketPlace } from './user/own-socket.js'
export { checkStateDirectory, prepareStateDirectory } from './user/state-directory.js'
export { userId } from './user/user-id.js'
export { visible } from './visible.js'
