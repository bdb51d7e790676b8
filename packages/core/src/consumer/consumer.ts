import { descriptorLimit, withDescriptors } from '../files/descriptors.js'
import { DiskPace } from '../files/disk-pace.js'
import { StoringParents } from '../files/storing-parents.js'
import type { Temporaries } from '../files/temporaries.js'
import type { KvsClient, Waiting } from '../kvs/contract.js'
import type { OutageListener } from '../kvs/outages.js'
import type { FileRecord } from '../kvs/record.js'
import { ManagedDirectory, type ManagedFile } from '../managed-directory.js'
import { OpenedOnce } from '../opened-once.js'
import type { Operations } from '../operations.js'
import type { Config } from '../options/config.js'
import { milliseconds } from '../options/given-number.js'
import type { Transport } from '../transfer/contract.js'
import { Copies } from '../transfer/copies.js'
import { Nodes } from '../transfer/nodes.js'
import type { OnArrival, OnProgress } from './arrival.js'
import { type ConsumeContext, consume, openAtOnce, standsAtOnce } from './consume.js'
import { ConsumedFile } from './consumed-file.js'
import { FlightPlaces } from './flight-places.js'
import { HeldFiles } from './held.js'
import { intact } from './inline.js'
import { type LookupContext, lookup, waitForRecord } from './lookup.js'
import { NodeLocks } from './node-lock.js'
import { type PrefetchResult, ReadAhead } from './read-ahead.js'
import { RightOfWay } from './right-of-way.js'
import { SingleFlight } from './single-flight.js'
import { assertStandingRoom } from './standing-room.js'

/**
 * Descriptors that this process may have for each file that is fetched ahead: files that callers
 * ask for get the others.
 */
const DESCRIPTORS_FOR_EACH_AHEAD = 16

/** How a consumer waits. */
export interface ConsumeOptions extends Waiting, OutageListener {
  /**
   * Milliseconds to wait for a file that nobody has published yet; 0 and Infinity are for ever.
   * @default the option `timeout`
   */
  timeout?: number | undefined
  /** Called once, if the file is not published yet. */
  onWaiting?: (() => void) | undefined
  /** Called once a file that was not published yet is published; its transfer follows. */
  onPublished?: (() => void) | undefined
  /** Called with the record that was found. */
  onRecord?: ((record: FileRecord) => void) | undefined
  /** Called with the number of bytes that have arrived, while they do. */
  onProgress?: OnProgress | undefined
}

/** The parts of a session that consuming uses. The session closes them. */
export interface ConsumerParts {
  readonly config: Omit<Config, 'kvs'>
  readonly kvs: KvsClient
  readonly transports: readonly Transport[]
  readonly lookup: LookupContext
  readonly operations: Operations
  readonly temporaries: Temporaries
}

/**
 * The consuming half of a session: finds records, brings files here as they are asked for or ahead
 * of that, and opens them. The maker closes it.
 */
export class Consumer {
  readonly #parts: ConsumerParts
  readonly #rightOfWay = new RightOfWay()
  readonly #readAhead: ReadAhead
  readonly #context = new OpenedOnce(() => this.#open())
  /** The context of files that are fetched ahead. */
  readonly #contextAhead = new OpenedOnce(async () => ({
    ...(await this.#context.get()),
    giveWay: (name: string, ending: AbortSignal) => this.#rightOfWay.give(name, ending),
  }))

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    const { readAhead, readAheadBytes } = parts.config
    const mostAhead = Math.ceil(descriptorLimit() / DESCRIPTORS_FOR_EACH_AHEAD)
    this.#readAhead = new ReadAhead({
      ...parts.lookup,
      files: Math.min(readAhead, mostAhead),
      bytes: readAheadBytes,
      fetch: (path, record, signal) => this.#fetchAhead(path, record, signal),
    })
  }

  /** The consumer-managed directory, made if it is missing. */
  async directory(): Promise<ManagedDirectory> {
    return (await this.#context.get()).directory
  }

  /** How long a call may wait. ERR_DYAD_OPTION if it was given something that is no time. */
  timeout({ timeout = this.#parts.config.timeout }: ConsumeOptions): number {
    return milliseconds('timeout', timeout)
  }

  /** The newest record of a file, as soon as there is one. */
  waitForRecord(path: string, options: ConsumeOptions, signal: AbortSignal): Promise<FileRecord> {
    const { onWaiting } = options
    const timeout = this.timeout(options)
    return waitForRecord(path, this.#parts.lookup, { timeout, signal, onWaiting })
  }

  /**
   * Brings the newest version of a file here; resolves with whether there is one, which it waits
   * for by default.
   */
  async consumeNewest(
    file: ManagedFile,
    options: ConsumeOptions & { wait?: boolean },
    signal: AbortSignal,
  ): Promise<boolean> {
    const record = await this.#newestRecord(file, options, signal)
    if (record === undefined) return false
    const context = await this.#context.get()
    const atOnce = withDescriptors(() => standsAtOnce(file, record, context), signal)
    if (atOnce instanceof Promise ? await atOnce : atOnce) options.onRecord?.(intact(record))
    else await this.consume(file, record, options, signal)
    return true
  }

  /**
   * Brings the record's file here, or a newer version; resolves with the record of what stands
   * here.
   */
  async consume(
    file: ManagedFile,
    record: FileRecord,
    { onRecord, onProgress }: ConsumeOptions,
    signal: AbortSignal,
    onArrival?: OnArrival,
  ): Promise<FileRecord> {
    const context = await this.#context.get()
    const stored = await this.#rightOfWay.first(file.path, () =>
      consume(file, record, context, signal, (arrival) => {
        onProgress?.(arrival.stored, arrival.record.size)
        onArrival?.(arrival)
      }),
    )
    onRecord?.(stored)
    return stored
  }

  /** Opens the newest version of a file, as soon as something of it can be read. */
  async open(file: ManagedFile, options: ConsumeOptions, signal: AbortSignal): Promise<ConsumedFile> {
    const record = await this.#newestRecord(file, options, signal)
    const { onRecord, ...rest } = options
    const context = await this.#context.get()
    const atOnce = withDescriptors(() => {
      const fd = openAtOnce(file, record, context)
      return fd === undefined ? undefined : ConsumedFile.whole(fd, context.pace, intact(record))
    }, signal)
    const opened =
      (atOnce instanceof Promise ? await atOnce : atOnce) ??
      (await ConsumedFile.open(file.local, context.pace, signal, (onArrival, leave) =>
        this.#parts.operations.run(leave, (bounded) => this.consume(file, record, rest, bounded, onArrival)),
      ))
    onRecord?.(opened.record)
    return opened
  }

  /** Brings files here before they are asked for; see {@link ReadAhead.fetchAll}. */
  prefetch(paths: AsyncIterable<string>, signal: AbortSignal): Promise<PrefetchResult> {
    return this.#readAhead.fetchAll(paths, signal)
  }

  /**
   * Ends everything that is fetched ahead. Transfers that callers have joined end with the
   * operations of the session.
   */
  endReadAhead(): Promise<void> {
    return this.#readAhead.close()
  }

  /**
   * Writes the notes that are not written yet, and withdraws the offers to other nodes. Called
   * after the operations of the session have ended.
   */
  async close(): Promise<void> {
    const context = await this.#context.current?.catch(() => undefined)
    context?.held.write()
    await context?.copies?.close()
    context?.locks[Symbol.dispose]()
  }

  /**
   * Resolves with the newest record of a file that is opened now, and has the read ahead follow it.
   * Undefined only without a wait for it.
   */
  #newestRecord(file: ManagedFile, options: ConsumeOptions, signal: AbortSignal): Promise<FileRecord>
  #newestRecord(
    file: ManagedFile,
    options: ConsumeOptions & { wait?: boolean },
    signal: AbortSignal,
  ): Promise<FileRecord | undefined>
  async #newestRecord(
    file: ManagedFile,
    options: ConsumeOptions & { wait?: boolean },
    signal: AbortSignal,
  ): Promise<FileRecord | undefined> {
    const { path } = file
    let isWaiting = false
    const onWaiting = () => {
      assertStandingRoom(file)
      isWaiting = true
      options.onWaiting?.()
    }
    const record =
      this.#readAhead.take(path) ??
      (options.wait === false
        ? await lookup(path, this.#parts.lookup, signal, this.timeout(options))
        : await this.waitForRecord(path, { ...options, onWaiting }, signal))
    if (record === undefined) return undefined
    // Without a wait for the store, the next requests leave in one write with those of the next
    // open. A caller that has waited for the file gets it first.
    if (isWaiting) {
      options.onPublished?.()
      setImmediate(() => this.#readAhead.follow(path))
    } else this.#readAhead.follow(path)
    return record
  }

  async #fetchAhead(path: string, record: FileRecord, signal: AbortSignal): Promise<void> {
    const context = await this.#contextAhead.get()
    const file = context.directory.file(path)
    if (await withDescriptors(() => standsAtOnce(file, record, context), signal)) return
    await this.#parts.operations.run(signal, (bounded) => consume(file, record, context, bounded, () => {}))
  }

  async #open(): Promise<ConsumeContext> {
    const { config, kvs, transports, lookup, temporaries } = this.#parts
    const { consumerPath = '', stateDir, namespace = '', node, serveCopies, leaseTtl } = config
    const { dtlMode, sharedStorage, ownerTimeout, progressTimeout, leastRate } = config
    const directory = await ManagedDirectory.open(consumerPath)
    // The rest of the owner's time is for the owner.
    const patience = Math.min(progressTimeout, ownerTimeout / 2)
    const sharing = { kvs, namespace, key: lookup.key, node, storage: directory.real, leaseTtl, patience }
    return {
      ...lookup,
      directory,
      locks: await NodeLocks.open(stateDir),
      held: await HeldFiles.open(stateDir, directory, `${kvs.id} ${namespace}`),
      copies: serveCopies ? new Copies(sharing) : undefined,
      nodes: new Nodes(kvs),
      transports,
      mode: dtlMode,
      node,
      sharedStorage,
      ownerTimeout,
      progressTimeout,
      leastRate,
      temporaries,
      parents: new StoringParents(directory.real),
      pace: new DiskPace(),
      flights: new SingleFlight(),
      places: new FlightPlaces(),
    }
  }
}
