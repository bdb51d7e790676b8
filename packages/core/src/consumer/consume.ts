import type { BigIntStats } from 'node:fs'
import { report } from '../diagnostics.js'
import { DyadError, type ErrorCode, isDyadError, reasonOf } from '../errors.js'
import { hasDescriptorPaths } from '../files/descriptor-path.js'
import { withDescriptors } from '../files/descriptors.js'
import { type FileRecord, isSameGeneration, mayBeNewer } from '../kvs/record.js'
import type { ManagedDirectory, ManagedFile } from '../managed-directory.js'
import { Patience } from '../transfer/patience.js'
import type { Arrival, OnArrival } from './arrival.js'
import type { FlightPlaces } from './flight-places.js'
import type { HeldFiles } from './held.js'
import type { Replacing } from './incoming-file.js'
import { intact, type OnStored, placeInline } from './inline.js'
import { type LookupContext, lookup, newerThan } from './lookup.js'
import type { NodeLocks } from './node-lock.js'
import { openRemembered, openStanding, openStored } from './open-standing.js'
import { assertUnchanged, comesInSight } from './published-here.js'
import type { SingleFlight } from './single-flight.js'
import { type StoreContext, store } from './store.js'

/** The part of a session that consuming uses. */
export interface ConsumeContext extends LookupContext, StoreContext {
  readonly node: string
  readonly directory: ManagedDirectory
  readonly sharedStorage: boolean
  readonly held: HeldFiles
  readonly locks: NodeLocks
  readonly flights: SingleFlight<FileRecord, Arrival>
  readonly places: FlightPlaces
}

/**
 * How long the record of a rewritten file may take to come, in ms. A round trip to the store lies
 * between the file's rename and its publishing; consumers of the old record find another file at
 * the owner meanwhile.
 */
const REPUBLISH_MS = 2_000

/**
 * Makes the record's file, or a newer generation of it, readable at its place here, and resolves
 * with the record of the file that stands there. Callers that want the same file at the same time,
 * in this process or another of this node, share one transfer. ERR_DYAD_CHANGED, ERR_DYAD_GONE, and
 * the errors of store.
 */
export async function consume(
  file: ManagedFile,
  record: FileRecord,
  context: ConsumeContext,
  signal: AbortSignal,
  onArrival: OnArrival,
): Promise<FileRecord> {
  let patience: Patience | undefined
  for (let wanted = record; ; ) {
    const asked = intact(wanted)
    try {
      return await withDescriptors(() => makePresent(file, asked, context, signal, onArrival), signal)
    } catch (error) {
      if (!isOutOfDate(error)) throw asked === wanted ? error : damaged(wanted, error, signal)
      const limit = context.sharedStorage ? context.ownerTimeout : Math.min(REPUBLISH_MS, context.ownerTimeout)
      patience ??= new Patience(limit)
      const next = await nextToTry(file, wanted, context, patience, signal)
      if (next === undefined) throw looked(error, file, wanted, context, limit)
      if (next !== wanted) patience = undefined
      wanted = next
    }
  }
}

/**
 * The record to try next: a newer one, or the same one once its file comes in sight, whichever is
 * first. Undefined if neither comes in time.
 */
async function nextToTry(
  file: ManagedFile,
  wanted: FileRecord,
  context: ConsumeContext,
  patience: Patience,
  signal: AbortSignal,
): Promise<FileRecord | undefined> {
  const over = new AbortController()
  const bounded = AbortSignal.any([signal, over.signal])
  const newer = newerThan(wanted, patience.left, context, bounded)
  if (whereItStands(wanted, context) === undefined) return newer
  const same = comesInSight(context.directory.real, file, wanted, patience, bounded).then((isThere) =>
    isThere ? wanted : undefined,
  )
  try {
    return (await Promise.race([newer, same])) ?? (await newer) ?? (await same)
  } finally {
    over.abort()
    await Promise.allSettled([newer, same])
  }
}

/**
 * Adds to an error for how long the consumer looked for the published file, where that should stand
 * here.
 */
function looked(error: unknown, file: ManagedFile, record: FileRecord, context: ConsumeContext, ms: number): unknown {
  if (whereItStands(record, context) !== 'shared' || !isDyadError(error)) return error
  const detail = `${error.detail}; it was looked for at ${file.local} for ${ms} ms`
  return new DyadError(error.code, { path: error.path, node: error.node, detail, cause: error.cause })
}

/** Failures of this side, or of the store: they say nothing of the bytes. */
const NOT_OF_OWNER: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_DYAD_STORE',
  'ERR_DYAD_DESCRIPTORS',
  'ERR_DYAD_KVS_UNREACHABLE',
  'ERR_DYAD_CLOSED',
])

/**
 * The error for bytes that came with the record and do not fit it, where the owner does not serve
 * others.
 */
function damaged({ path, owner }: FileRecord, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || (isDyadError(error) && NOT_OF_OWNER.has(error.code))) return error
  const detail = `those in its record, and its owner does not serve it: ${reasonOf(error)}`
  return new DyadError('ERR_DYAD_CORRUPT', { path, node: owner, detail, cause: error })
}

/** The record may not be the newest any more. */
function isOutOfDate(error: unknown): boolean {
  return isDyadError(error, 'ERR_DYAD_CHANGED') || isDyadError(error, 'ERR_DYAD_GONE')
}

/**
 * Makes the record's file readable at its place here if that takes no transfer and no waiting, and
 * returns whether it stands there now. ERR_DYAD_STORE.
 */
export function standsAtOnce(
  file: ManagedFile,
  record: FileRecord,
  context: ConsumeContext,
  onStored?: OnStored,
): boolean {
  try {
    return presentAtOnce(file, intact(record), context, onStored)
  } catch (error) {
    if (isOutOfDate(error)) return false
    throw error
  }
}

/**
 * As `standsAtOnce`, and opens the file for reading; undefined if it does not stand there. The
 * caller closes the descriptor. Fails as open(2) would, and with ERR_DYAD_PATH if it is no regular
 * file.
 */
export function openAtOnce(file: ManagedFile, record: FileRecord, context: ConsumeContext): number | undefined {
  if (whereItStands(record, context) === undefined) {
    const fd = openRemembered(file, record, context.held, context.parents)
    if (fd !== undefined) {
      present(file, record, 'held')
      return fd
    }
  }
  let stored: number | undefined
  const reopen = (fd: number, looks: BigIntStats) => {
    stored = openStored(file.local, fd, looks, context.parents)
  }
  if (!standsAtOnce(file, record, context, hasDescriptorPaths ? reopen : undefined)) return undefined
  return stored ?? openStanding(file.local, record.size)
}

/**
 * As `standsAtOnce`, but ERR_DYAD_CHANGED or ERR_DYAD_GONE where the published file itself should
 * stand here and does not.
 */
function presentAtOnce(file: ManagedFile, record: FileRecord, context: ConsumeContext, onStored?: OnStored): boolean {
  const standing = whereItStands(record, context)
  if (standing !== undefined) {
    assertUnchanged(file, record)
    return present(file, record, standing)
  }
  if (record.inline !== undefined) {
    const placed = placeInline(file, record, record.inline, context, onStored)
    if (placed === 'stored') return true
    if (placed === 'stands') return present(file, record, 'held')
  }
  const found = context.held.generation(file)
  return found !== undefined && isSameGeneration(found, record) && present(file, record, 'held')
}

/** Returns why the published file itself should stand here, if it should. */
function whereItStands({ owner, storage }: FileRecord, context: ConsumeContext): 'shared' | 'owned' | undefined {
  if (context.sharedStorage) return 'shared'
  return owner === context.node && storage === context.directory.real ? 'owned' : undefined
}

async function makePresent(
  file: ManagedFile,
  record: FileRecord,
  context: ConsumeContext,
  signal: AbortSignal,
  onArrival: OnArrival,
): Promise<FileRecord> {
  if (presentAtOnce(file, record, context)) return record
  return context.flights.run(
    `${record.epoch} ${record.generation} ${file.path}`,
    signal,
    onArrival,
    (shared, tellAll) =>
      inTurn(record.owner, context, shared, () => storeUnderLock(file, record, context, shared, tellAll)),
  )
}

async function storeUnderLock(
  file: ManagedFile,
  record: FileRecord,
  context: ConsumeContext,
  signal: AbortSignal,
  onArrival: OnArrival,
): Promise<FileRecord> {
  const { held } = context
  const onStalled = (holder: string) => report('dyad.consumer.overtaken', { record, holder })
  using lock = await context.locks.take(file.local, { signal, patience: context.progressTimeout, onStalled })
  // Another process may have stored it, or a newer one, while this one waited for the lock.
  if (presentAtOnce(file, record, context)) return record
  const noted = held.generation(file)
  if (noted !== undefined && mayBeNewer(noted, record)) await assertNewest(file, record, context, signal)
  const begun = performance.now()
  const replacing: Replacing = {
    permitted: async () => {
      const wasLost = await lock.regain()
      // A file whose bytes came with its record takes no lock where nothing stands. So a newer one
      // may stand there by now, without a note yet.
      const found = held.generation(file)
      if (wasLost || found === undefined || mayBeNewer(found, record)) await assertNewest(file, record, context, signal)
    },
    get isPermitted() {
      return lock.isHeld
    },
  }
  const tell = (arrival: Arrival) => {
    lock.progress(arrival.stored)
    onArrival(arrival)
  }
  const { moved, stats } = await store(record, file.local, context, signal, tell, replacing)
  held.add(file, record, stats)
  // The next holder of the lock must find the note.
  held.write()
  report('dyad.consumer.stored', { record, local: file.local, moved, duration: performance.now() - begun })
  return record
}

/** Runs `work` when few enough files are on their way. */
function inTurn<T>(owner: string, { places, giveWay }: ConsumeContext, signal: AbortSignal, work: () => Promise<T>) {
  // Read ahead has a bound of its own. Its transfers stand still while a caller asks for a file,
  // which must not wait for their places.
  return giveWay === undefined ? places.run(owner, signal, work) : work()
}

/**
 * ERR_DYAD_CHANGED if the store has a newer record by now. The notes of this node do not suffice:
 * the clock of the store may have been set back.
 */
async function assertNewest(
  file: ManagedFile,
  record: FileRecord,
  context: ConsumeContext,
  signal: AbortSignal,
): Promise<void> {
  const newest = await lookup(record.path, context, signal)
  if (newest === undefined || !mayBeNewer(newest, record)) return
  const detail = 'a newer generation stands here already'
  throw new DyadError('ERR_DYAD_CHANGED', { path: file.path, node: record.owner, detail })
}

function present(file: ManagedFile, record: FileRecord, how: 'held' | 'owned' | 'shared'): true {
  report('dyad.consumer.present', { record, local: file.local, how })
  return true
}
