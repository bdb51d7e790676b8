import { isAbsolute, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { standingAside } from './aside.js'
import type { ConsumedFile } from './consumer/consumed-file.js'
import { type ConsumeOptions, Consumer } from './consumer/consumer.js'
import { lookup } from './consumer/lookup.js'
import type { PrefetchResult } from './consumer/read-ahead.js'
import { report, tellOnStderr } from './diagnostics.js'
import { DyadError } from './errors.js'
import { Temporaries } from './files/temporaries.js'
import { globTest } from './glob.js'
import type { KvsClient, KvsEntry, KvsNamespace, Waiting } from './kvs/contract.js'
import { keyOf } from './kvs/key.js'
import { type OutageListener, Outages } from './kvs/outages.js'
import { checkRecord, decodeAnyRecord, type FileRecord } from './kvs/record.js'
import type { ManagedFile } from './managed-directory.js'
import { assertManagedPath } from './managed-path.js'
import { Operations } from './operations.js'
import { type Config, type ConfigOptions, environment, noteHealth, readConfig } from './options/config.js'
import { flatOptions, wrongOption } from './options/flat-options.js'
import { Producer } from './producer/producer.js'
import type { StagedFile } from './producer/stage.js'
import type { Transport } from './transfer/contract.js'

/** What a session is made of. The store and the transports stay the caller's to close. */
export interface DyadCoreOptions extends Omit<ConfigOptions, 'kvs'> {
  kvs: KvsClient
  /** What files may be fetched over, best first. */
  transports: readonly Transport[]
}

/**
 * A session: what produces and consumes files of one namespace for this process. Whoever made it
 * closes it.
 */
export class DyadCore implements AsyncDisposable {
  /** Every option with its value, but for the store, which is a part. */
  readonly config: Omit<Config, 'kvs'>
  readonly #kvs: KvsClient
  readonly #temporaries = new Temporaries()
  readonly #operations = new Operations()
  readonly #outages: Outages
  readonly #stderr: Disposable | undefined
  readonly #producer: Producer
  readonly #consumer: Consumer
  #closed: Promise<void> | undefined

  /**
   * ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
   * @param env variables that give what the options leave out
   */
  constructor(given: DyadCoreOptions, env = environment()) {
    const { kvs, transports, ...options } = flatOptions(given)
    if (typeof kvs?.onOutage !== 'function') throw wrongOption('kvs', kvs, 'a client of a store')
    if (!Array.isArray(transports)) throw wrongOption('transports', transports, 'an array')
    this.config = readConfig(options, env)
    this.#kvs = kvs
    this.#outages = new Outages(kvs)
    const parts = {
      config: this.config,
      kvs,
      lookup: this.#lookupContext,
      operations: this.#operations,
      temporaries: this.#temporaries,
    }
    this.#producer = new Producer(parts)
    this.#consumer = new Consumer({ ...parts, transports })
    this.#stderr = this.config.syncDebug ? tellOnStderr() : undefined
  }

  /**
   * Publishes a file of the producer-managed directory that was written by other means and is
   * closed now; resolves with its record once every consumer can see it. ERR_DYAD_UNTRACKED outside
   * the directory, ERR_DYAD_GONE, ERR_DYAD_PATH, ERR_DYAD_NAMESPACE_MISSING, ERR_DYAD_PUBLISH,
   * ERR_DYAD_KVS_UNREACHABLE.
   */
  async produce(path: string | URL, given: Waiting = {}): Promise<FileRecord> {
    const { signal } = flatOptions(given)
    return this.#operations.run(signal, async (bounded) =>
      this.#producer.publish(await this.#tracked(path, 'producer'), bounded),
    )
  }

  /**
   * Removes the record of a file, whichever node published it: later opens wait until it is
   * published again, and no copy of it is offered to other nodes any more. The file stays at its
   * owner and at its consumers. Whatever streams have finished at the path before is published
   * first. A relative path is always relative to the managed directories. ERR_DYAD_NOT_FOUND if it
   * is not published, ERR_DYAD_PATH, ERR_DYAD_UNTRACKED, ERR_DYAD_NAMESPACE_MISSING,
   * ERR_DYAD_KVS_UNREACHABLE.
   */
  async remove(path: string | URL, given: Waiting = {}): Promise<void> {
    const { signal } = flatOptions(given)
    return this.#operations.run(signal, async (bounded) => {
      await this.#producer.remove(await this.#nameOf(path), bounded)
    })
  }

  /**
   * Waits until the file is published, brings it here unless it is here, and resolves with its
   * absolute path in the consumer-managed directory: the whole file, of the newest generation
   * published when this was called, or a newer one. With `wait: false` it resolves with undefined
   * at once if the file is not published. ERR_DYAD_UNTRACKED outside the directory,
   * ERR_DYAD_TIMEOUT, ERR_DYAD_NAMESPACE_MISSING, ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_CHANGED,
   * ERR_DYAD_GONE, ERR_DYAD_REFUSED, ERR_DYAD_STORE and what the table of errors has beside.
   */
  consume(path: string | URL, options: ConsumeOptions & { wait: false }): Promise<string | undefined>
  consume(path: string | URL, options?: ConsumeOptions & { wait?: true }): Promise<string>
  consume(path: string | URL, given: ConsumeOptions & { wait?: boolean } = {}): Promise<string | undefined> {
    return this.#waiting(given, async (signal, options) => {
      const file = await this.#tracked(path, 'consumer')
      const isPublished = await this.#consumer.consumeNewest(file, options, signal)
      if (!isPublished) return undefined
      this.#noteHealth()
      return file.local
    })
  }

  /**
   * As `consume` of a file that `locateConsumed` has found, but opens it for reading as soon as the
   * first of its bytes can be read; the rest is stored while it is read, and no other program sees
   * the file before it is whole. Whoever opened it closes it. Reading fails with the errors of
   * `consume`, if the rest does not come.
   */
  openConsumed(file: ManagedFile, given: ConsumeOptions = {}): Promise<ConsumedFile> {
    return this.#waiting(given, async (signal, options) => {
      const opened = await this.#consumer.open(file, options, signal)
      this.#noteHealth()
      return opened
    })
  }

  /**
   * As `consume`, for a record that was looked up before. ERR_DYAD_METADATA if it is no whole
   * record of that path.
   */
  consumeRecord(
    path: string | URL,
    record: FileRecord,
    given: Omit<ConsumeOptions, 'timeout' | 'onWaiting'> = {},
  ): Promise<string> {
    return this.#waiting(given, async (signal, options) => {
      const file = await this.#tracked(path, 'consumer')
      await this.#consumer.consume(file, checkRecord(record, file.path), options, signal)
      this.#noteHealth()
      return file.local
    })
  }

  /**
   * Brings files here before they are asked for, those that are published now; what is asked for
   * goes first. There may be any number of paths: they are taken one by one. Resolves with counts
   * when all are dealt with; ERR_DYAD_UNTRACKED for a path outside the consumer-managed directory.
   */
  async prefetch(
    paths: Iterable<string | URL> | AsyncIterable<string | URL>,
    given: Waiting = {},
  ): Promise<PrefetchResult> {
    const { signal } = flatOptions(given)
    const names = async function* (this: DyadCore) {
      for await (const path of paths) yield (await this.#tracked(path, 'consumer')).path
    }
    return this.#operations.run(signal, (bounded) => this.#consumer.prefetch(names.call(this), bounded))
  }

  /**
   * The newest record of a file, without moving it: waits for one, or with `wait: false` resolves
   * with undefined if there is none. A relative path is always relative to the managed directories.
   */
  lookup(path: string | URL, options: ConsumeOptions & { wait: false }): Promise<FileRecord | undefined>
  lookup(path: string | URL, options?: ConsumeOptions & { wait?: true }): Promise<FileRecord>
  lookup(path: string | URL, given: ConsumeOptions & { wait?: boolean } = {}): Promise<FileRecord | undefined> {
    return this.#waiting(given, async (signal, options) => {
      const name = await this.#nameOf(path)
      return options.wait === false
        ? lookup(name, this.#lookupContext, signal, this.#consumer.timeout(options))
        : this.#consumer.waitForRecord(name, options, signal)
    })
  }

  /**
   * The records of the files that are published now, of those that match `pattern`, in no
   * particular order. ERR_DYAD_OPTION if the pattern is invalid.
   */
  async *list(pattern = '**', given: Waiting = {}): AsyncIterableIterator<FileRecord> {
    const { signal } = flatOptions(given)
    yield* this.#matching(pattern, this.#namespace().list('', { signal: this.#lifetime(signal) }))
  }

  /**
   * The record of each file that matches `pattern`: those published already, then each as it is
   * published, again when it is published anew, none missed over a lost connection. Ends only by
   * leaving the loop, by `signal` (rejecting with its reason), or by the end of the session.
   * ERR_DYAD_OPTION if the pattern is invalid.
   */
  async *watch(pattern = '**', given: Waiting & OutageListener = {}): AsyncIterableIterator<FileRecord> {
    const options = flatOptions(given)
    const waiting = this.#outages.begin(options)
    try {
      yield* this.#matching(pattern, this.#namespace().watch('', { signal: this.#lifetime(options.signal) }))
    } finally {
      this.#outages.end(waiting)
    }
  }

  /**
   * The managed file that a path names for writing, or undefined if it is none of DYAD's business.
   * ERR_DYAD_PATH.
   */
  async locateProduced(path: string | URL): Promise<ManagedFile | undefined> {
    return this.config.producerPath === undefined
      ? undefined
      : (await this.#producer.directory()).locate(path, this.config.relative)
  }

  /**
   * The managed file that a path names for reading, or undefined if it is none of DYAD's business.
   * ERR_DYAD_PATH.
   */
  async locateConsumed(path: string | URL): Promise<ManagedFile | undefined> {
    return this.config.consumerPath === undefined
      ? undefined
      : (await this.#consumer.directory()).locate(path, this.config.relative)
  }

  /**
   * Stages a file of the producer-managed directory for writing, and opens it as the caller does.
   * The two are one step, so that a caller that waits for a descriptor holds none. With the option
   * `asyncPublish` its `publish` resolves without waiting for the store. Fails as open(2) would,
   * and as `open` does.
   * @param flags numeric, as of node:fs constants
   * @param mode permissions of a file that is new, less the process's umask
   */
  async stage<Opened>(
    file: ManagedFile,
    flags: number,
    mode: number | undefined,
    open: (staged: StagedFile) => Opened,
    given: Waiting = {},
  ): Promise<{ staged: StagedFile; opened: Awaited<Opened> }> {
    const { signal = this.#operations.closing } = flatOptions(given)
    return standingAside(() => this.#producer.stage(file, flags, mode ?? 0o666, open, signal))
  }

  /**
   * Resolves with why other nodes cannot fetch what this session publishes, and what to do about
   * it; undefined if they can, or if the registry does not tell in time.
   */
  unfetchable(): Promise<string | undefined> {
    return this.#producer.unfetchable()
  }

  /** Tells the listener whether the store is there, now and as that changes, until disposed of. */
  watchStore(listener: OutageListener): Disposable {
    const waiting = this.#outages.begin(listener)
    if (this.#outages.current === undefined) listener.onStoreBack?.()
    return { [Symbol.dispose]: () => this.#outages.end(waiting) }
  }

  /**
   * Resolves when everything that streams have finished so far is published; rejects with the first
   * failure since the last call.
   */
  flush(): Promise<void> {
    return this.#producer.flush()
  }

  /** Flushes, then ends whatever is under way with ERR_DYAD_CLOSED. Closing twice is no error. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    try {
      await this.#producer.close()
    } finally {
      // What was begun ahead and is read by now ends with the operations.
      await Promise.all([this.#consumer.endReadAhead(), this.#operations.close()])
      await this.#consumer.close()
      await this.#temporaries.settled()
      this.#outages[Symbol.dispose]()
      this.#stderr?.[Symbol.dispose]()
    }
  }

  /** Runs an operation, and tells its caller when the store goes away meanwhile. */
  #waiting<T, Options extends OutageListener & Waiting>(
    given: Options,
    work: (signal: AbortSignal, options: Options) => Promise<T>,
  ): Promise<T> {
    let options: Options
    try {
      options = flatOptions(given)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#outages.during(options, () => this.#operations.run(options.signal, (signal) => work(signal, options)))
  }

  async *#matching(pattern: string, entries: AsyncIterable<KvsEntry>): AsyncIterableIterator<FileRecord> {
    const matches = await globTest(pattern)
    for await (const entry of entries) {
      const record = readable(entry, this.#lookupContext.key)
      if (record !== undefined && matches(record.path)) yield record
    }
  }

  async #tracked(path: string | URL, side: 'producer' | 'consumer'): Promise<ManagedFile> {
    const file = await (side === 'producer' ? this.locateProduced(path) : this.locateConsumed(path))
    if (file !== undefined) return file
    const directory = this.config[`${side}Path`]
    const detail =
      directory === undefined ? `no ${side}-managed directory is set` : `the ${side}-managed directory is ${directory}`
    throw new DyadError('ERR_DYAD_UNTRACKED', { path: String(path), detail })
  }

  /** The managed path of a file; a relative one needs no directory to be known. */
  async #nameOf(path: string | URL): Promise<string> {
    const text = path instanceof URL ? fileURLToPath(path) : path
    if (!isAbsolute(text) && this.config.relative) {
      const name = posix.normalize(text)
      assertManagedPath(name)
      return name
    }
    const file = (await this.locateConsumed(path)) ?? (await this.locateProduced(path))
    if (file === undefined) throw new DyadError('ERR_DYAD_UNTRACKED', { path: text })
    return file.path
  }

  readonly #namespace = (): KvsNamespace => {
    const { namespace } = this.config
    if (namespace === undefined) {
      throw new DyadError('ERR_DYAD_OPTION', {
        option: 'namespace (DYAD_KVS_NAMESPACE)',
        detail: 'not set',
        remedy: 'Set it to the namespace that the producers and the consumers share.',
      })
    }
    return this.#kvs.namespace(namespace)
  }

  readonly #lookupContext = {
    namespace: this.#namespace,
    outage: () => this.#outages.current,
    key: (path: string) => keyOf(path, this.config.keyDepth, this.config.keyBins),
  }

  #lifetime(signal: AbortSignal | undefined): AbortSignal {
    const { closing } = this.#operations
    return signal === undefined ? closing : AbortSignal.any([closing, signal])
  }

  #noteHealth(): void {
    if (this.config.syncCheck) noteHealth()
  }
}

/** One record that cannot be read must not hide the others. */
function readable(entry: KvsEntry, keyOf: (path: string) => string): FileRecord | undefined {
  try {
    return decodeAnyRecord(entry, keyOf)
  } catch (error) {
    report('dyad.kvs.unreadable', { error: error as Error })
    return undefined
  }
}
