import type { ConsumedFile } from '../consumer/consumed-file.js'
import type { ConsumeOptions, Consumer } from '../consumer/consumer.js'
import type { PrefetchResult } from '../consumer/read-ahead.js'
import type { Waiting } from '../kvs/contract.js'
import { checkRecord, type FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import { flatOptions } from '../options/flat-options.js'
import type { ManagedPaths } from './managed-paths.js'
import type { Session } from './session.js'

/** The calls of a session that consume; DyadCore documents them. */
export class Consuming {
  readonly #session: Session
  readonly #paths: ManagedPaths
  readonly #consumer: Consumer

  constructor(session: Session, paths: ManagedPaths, consumer: Consumer) {
    this.#session = session
    this.#paths = paths
    this.#consumer = consumer
  }

  consume(path: string | URL, given: ConsumeOptions & { wait?: boolean }): Promise<string | undefined> {
    return this.#session.waiting(given, async (signal, options) => {
      const file = await this.#paths.tracked(path, 'consumer')
      const isPublished = await this.#consumer.consumeNewest(file, options, signal)
      if (!isPublished) return undefined
      this.#session.noteHealth()
      return file.local
    })
  }

  openConsumed(file: ManagedFile, given: ConsumeOptions): Promise<ConsumedFile> {
    return this.#session.waiting(given, async (signal, options) => {
      const opened = await this.#consumer.open(file, options, signal)
      this.#session.noteHealth()
      return opened
    })
  }

  consumeRecord(
    path: string | URL,
    record: FileRecord,
    given: Omit<ConsumeOptions, 'timeout' | 'onWaiting'>,
  ): Promise<string> {
    return this.#session.waiting(given, async (signal, options) => {
      const file = await this.#paths.tracked(path, 'consumer')
      await this.#consumer.consume(file, checkRecord(record, file.path), options, signal)
      this.#session.noteHealth()
      return file.local
    })
  }

  async prefetch(paths: Iterable<string | URL> | AsyncIterable<string | URL>, given: Waiting): Promise<PrefetchResult> {
    const { signal } = flatOptions(given)
    const managed = this.#paths
    const names = async function* () {
      for await (const path of paths) yield (await managed.tracked(path, 'consumer')).path
    }
    return this.#session.operations.run(signal, (bounded) => this.#consumer.prefetch(names(), bounded))
  }
}
