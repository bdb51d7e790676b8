import type { ConsumedFile } from './consumer/consumed-file.js'
import { type ConsumeOptions, Consumer } from './consumer/consumer.js'
import type { PrefetchResult } from './consumer/read-ahead.js'
import type { Waiting } from './kvs/contract.js'
import type { OutageListener } from './kvs/outages.js'
import type { FileRecord } from './kvs/record.js'
import type { ManagedFile } from './managed-directory.js'
import { type Config, environment } from './options/config.js'
import { Producer } from './producer/producer.js'
import type { StagedFile } from './producer/stage.js'
import { Consuming } from './session/consuming.js'
import { LookingUp } from './session/looking-up.js'
import { ManagedPaths } from './session/managed-paths.js'
import { Producing } from './session/producing.js'
import { type DyadCoreOptions, Session } from './session/session.js'

/**
 * A session, which produces and consumes files of one namespace for this process. The caller that
 * made it closes it.
 */
export class DyadCore implements AsyncDisposable {
  /** Every option with its value, except the store, which is a part of its own. */
  readonly config: Omit<Config, 'kvs'>
  readonly #session: Session
  readonly #producer: Producer
  readonly #consumer: Consumer
  readonly #paths: ManagedPaths
  readonly #producing: Producing
  readonly #lookingUp: LookingUp
  readonly #consuming: Consuming
  #closed: Promise<void> | undefined

  /**
   * ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
   * @param env variables that give what the options leave out
   */
  constructor(given: DyadCoreOptions, env = environment()) {
    const session = new Session(given, env)
    this.config = session.config
    this.#session = session
    this.#producer = new Producer(session)
    this.#consumer = new Consumer(session)
    this.#paths = new ManagedPaths(session, this.#producer, this.#consumer)
    this.#producing = new Producing(session, this.#paths, this.#producer)
    this.#lookingUp = new LookingUp(session, this.#paths, this.#consumer)
    this.#consuming = new Consuming(session, this.#paths, this.#consumer)
  }

  /**
   * Publishes a file of the producer-managed directory that was written by other means and is
   * closed now; resolves with its record once every consumer can see it. ERR_DYAD_UNTRACKED outside
   * the directory, ERR_DYAD_GONE, ERR_DYAD_PATH, ERR_DYAD_NAMESPACE_MISSING, ERR_DYAD_PUBLISH,
   * ERR_DYAD_KVS_UNREACHABLE.
   */
  produce(path: string | URL, given: Waiting = {}): Promise<FileRecord> {
    return this.#producing.produce(path, given)
  }

  /**
   * Removes the record of a file, whichever node published it: later opens wait until it is
   * published again, and other nodes are offered no copy of it any more. The file stays at its
   * owner and at its consumers. Files that streams have finished at the path before are published
   * first. A relative path is always relative to the managed directories. ERR_DYAD_NOT_FOUND if it
   * is not published, ERR_DYAD_PATH, ERR_DYAD_UNTRACKED, ERR_DYAD_NAMESPACE_MISSING,
   * ERR_DYAD_KVS_UNREACHABLE.
   */
  remove(path: string | URL, given: Waiting = {}): Promise<void> {
    return this.#producing.remove(path, given)
  }

  /**
   * Stages a file of the producer-managed directory for writing, and opens it as the caller does.
   * The two are one step, so that a caller that waits for a descriptor holds none. With the option
   * `asyncPublish` its `publish` resolves without waiting for the store. Fails as open(2) would,
   * and as `open` does.
   * @param flags numeric, as of node:fs constants
   * @param mode permissions of a file that is new, less the process's umask
   */
  stage<Opened>(
    file: ManagedFile,
    flags: number,
    mode: number | undefined,
    open: (staged: StagedFile) => Opened,
    given: Waiting = {},
  ): Promise<{ staged: StagedFile; opened: Awaited<Opened> }> {
    return this.#producing.stage(file, flags, mode, open, given)
  }

  /**
   * Resolves with the reason why other nodes cannot fetch what this session publishes, and the
   * remedy; undefined if they can, or if the registry does not answer in time.
   */
  unfetchable(): Promise<string | undefined> {
    return this.#producer.unfetchable()
  }

  /**
   * Resolves when everything that streams have finished so far is published; rejects with the first
   * failure since the last call.
   */
  flush(): Promise<void> {
    return this.#producer.flush()
  }

  /**
   * Resolves with the newest record of a file, without moving the file: waits for a record, or with
   * `wait: false` resolves with undefined if there is none. A relative path is always relative to
   * the managed directories.
   */
  lookup(path: string | URL, options: ConsumeOptions & { wait: false }): Promise<FileRecord | undefined>
  lookup(path: string | URL, options?: ConsumeOptions & { wait?: true }): Promise<FileRecord>
  lookup(path: string | URL, given: ConsumeOptions & { wait?: boolean } = {}): Promise<FileRecord | undefined> {
    return this.#lookingUp.lookup(path, given)
  }

  /**
   * Yields the records of the published files that match `pattern`, in no particular order.
   * ERR_DYAD_OPTION if the pattern is invalid.
   */
  list(pattern = '**', given: Waiting = {}): AsyncIterableIterator<FileRecord> {
    return this.#lookingUp.list(pattern, given)
  }

  /**
   * Yields the record of each file that matches `pattern`: those published already, then each as it
   * is published, and again when it is published anew. A lost connection loses none. Ends only when
   * the loop is left, when `signal` fires (rejecting with its reason), or when the session ends.
   * ERR_DYAD_OPTION if the pattern is invalid.
   */
  watch(pattern = '**', given: Waiting & OutageListener = {}): AsyncIterableIterator<FileRecord> {
    return this.#lookingUp.watch(pattern, given)
  }

  /** Calls the listener with the state of the store, now and at each change, until disposed of. */
  watchStore(listener: OutageListener): Disposable {
    return this.#lookingUp.watchStore(listener)
  }

  /**
   * Resolves with the managed file that a path names for writing, or with undefined for a path
   * outside the producer-managed directory. ERR_DYAD_PATH.
   */
  locateProduced(path: string | URL): Promise<ManagedFile | undefined> {
    return this.#paths.produced(path)
  }

  /**
   * Resolves with the managed file that a path names for reading, or with undefined for a path
   * outside the consumer-managed directory. ERR_DYAD_PATH.
   */
  locateConsumed(path: string | URL): Promise<ManagedFile | undefined> {
    return this.#paths.consumed(path)
  }

  /**
   * Waits until the file is published, brings it here unless it is here, and resolves with its
   * absolute path in the consumer-managed directory: the whole file, of the newest generation
   * published when this was called, or a newer one. With `wait: false` it resolves with undefined
   * at once if the file is not published. ERR_DYAD_UNTRACKED outside the directory,
   * ERR_DYAD_TIMEOUT, ERR_DYAD_NAMESPACE_MISSING, ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_CHANGED,
   * ERR_DYAD_GONE, ERR_DYAD_REFUSED, ERR_DYAD_STORE and others of the table of errors.
   */
  consume(path: string | URL, options: ConsumeOptions & { wait: false }): Promise<string | undefined>
  consume(path: string | URL, options?: ConsumeOptions & { wait?: true }): Promise<string>
  consume(path: string | URL, given: ConsumeOptions & { wait?: boolean } = {}): Promise<string | undefined> {
    return this.#consuming.consume(path, given)
  }

  /**
   * As `consume` of a file that `locateConsumed` has found, but opens it for reading as soon as the
   * first of its bytes can be read; the rest is stored while it is read, and no other program sees
   * the file before it is whole. The caller closes it. Reading fails with the errors of `consume`,
   * if the rest does not come.
   */
  openConsumed(file: ManagedFile, given: ConsumeOptions = {}): Promise<ConsumedFile> {
    return this.#consuming.openConsumed(file, given)
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
    return this.#consuming.consumeRecord(path, record, given)
  }

  /**
   * Brings published files here before they are asked for; files that callers ask for go first. The
   * paths are taken one by one, and may be any number. Resolves with counts when all are dealt
   * with. ERR_DYAD_UNTRACKED for a path outside the consumer-managed directory.
   */
  prefetch(paths: Iterable<string | URL> | AsyncIterable<string | URL>, given: Waiting = {}): Promise<PrefetchResult> {
    return this.#consuming.prefetch(paths, given)
  }

  /** Flushes, then ends everything under way with ERR_DYAD_CLOSED. Closing twice is no error. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { operations, temporaries } = this.#session
    try {
      await this.#producer.close()
    } finally {
      // What was begun ahead and is read by now ends with the operations.
      await Promise.all([this.#consumer.endReadAhead(), operations.close()])
      await this.#consumer.close()
      await temporaries.settled()
      this.#session[Symbol.dispose]()
    }
  }
}
