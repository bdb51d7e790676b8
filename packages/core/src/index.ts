/**
 * What a program uses that composes a session of its own parts, and the contracts of a store and of
 * a transport. `@dyad-ts/core/conformance` tests an implementation of these. What DYAD's packages
 * share beyond that is in `@dyad-ts/core/internal`.
 */

// The session, its options, and what its methods take and return.
export type { OnProgress } from './consumer/arrival.js'
export type { ConsumedFile, TakeDone } from './consumer/consumed-file.js'
export type { ConsumeOptions } from './consumer/consumer.js'
export type { PrefetchResult } from './consumer/read-ahead.js'
export type { ReadDone } from './consumer/read-descriptor.js'
export { DyadCore } from './core.js'
// Errors and events of every part.
export { CHANNELS, type Diagnostics } from './diagnostics.js'
export { DyadError, type ErrnoName, type ErrorCode, type ErrorContext, isDyadError } from './errors.js'
export type { FileDigest } from './files/digest.js'
// The contract of a store, and what a service registers there.
export * from './kvs/contract.js'
export type { NodeEntry } from './kvs/node-entry.js'
export type { OutageListener } from './kvs/outages.js'
export type { FileRecord, Generation, PublishedFile } from './kvs/record.js'
export type { ManagedFile } from './managed-directory.js'
export { type Config, type OptionName, readConfig } from './options/config.js'
export type { ConfigOptions } from './options/config-options.js'
export { DTL_MODES, type DtlMode } from './options/dtl-modes.js'
export type { DurationText } from './options/duration.js'
export type { StagedFile } from './producer/stage.js'
export type { DyadCoreOptions } from './session/session.js'

// The contract of a transport, and the files that a node serves over one.
export * from './transfer/contract.js'
export { type Range, rangeOf } from './transfer/range.js'
export { ManagedSource, type OpenedFile } from './transfer/source.js'
