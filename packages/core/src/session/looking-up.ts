import type { ConsumeOptions, Consumer } from '../consumer/consumer.js'
import { lookup } from '../consumer/lookup.js'
import { report } from '../diagnostics.js'
import { globTest } from '../glob.js'
import type { KvsEntry, Waiting } from '../kvs/contract.js'
import type { OutageListener } from '../kvs/outages.js'
import { decodeAnyRecord, type FileRecord } from '../kvs/record.js'
import { flatOptions } from '../options/flat-options.js'
import type { ManagedPaths } from './managed-paths.js'
import type { Session } from './session.js'

/** The calls of a session that read records; DyadCore documents them. */
export class LookingUp {
  readonly #session: Session
  readonly #paths: ManagedPaths
  readonly #consumer: Consumer

  constructor(session: Session, paths: ManagedPaths, consumer: Consumer) {
    this.#session = session
    this.#paths = paths
    this.#consumer = consumer
  }

  lookup(path: string | URL, given: ConsumeOptions & { wait?: boolean }): Promise<FileRecord | undefined> {
    return this.#session.waiting(given, async (signal, options) => {
      const name = await this.#paths.nameOf(path)
      return options.wait === false
        ? lookup(name, this.#session.lookup, signal, this.#consumer.timeout(options))
        : this.#consumer.waitForRecord(name, options, signal)
    })
  }

  async *list(pattern: string, given: Waiting): AsyncIterableIterator<FileRecord> {
    const { signal } = flatOptions(given)
    const session = this.#session
    yield* this.#matching(pattern, session.namespace().list('', { signal: session.lifetime(signal) }))
  }

  async *watch(pattern: string, given: Waiting & OutageListener): AsyncIterableIterator<FileRecord> {
    const options = flatOptions(given)
    const session = this.#session
    const waiting = session.outages.begin(options)
    try {
      yield* this.#matching(pattern, session.namespace().watch('', { signal: session.lifetime(options.signal) }))
    } finally {
      session.outages.end(waiting)
    }
  }

  watchStore(listener: OutageListener): Disposable {
    const { outages } = this.#session
    const waiting = outages.begin(listener)
    if (outages.current === undefined) listener.onStoreBack?.()
    return { [Symbol.dispose]: () => outages.end(waiting) }
  }

  async *#matching(pattern: string, entries: AsyncIterable<KvsEntry>): AsyncIterableIterator<FileRecord> {
    const matches = await globTest(pattern)
    for await (const entry of entries) {
      const record = readable(entry, this.#session.lookup.key)
      if (record !== undefined && matches(record.path)) yield record
    }
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
