import type { KvsEntry, KvsNamespace, KvsReader, Waiting } from '@dyad/core'
import type { Reply, Space } from '../broker/frames.js'
import { checkKey, checkPrefix, checkValue } from '../key-bounds.js'
import { call } from './call.js'
import type { Connection } from './connection.js'
import { EntryStream } from './entry-stream.js'

/** Reads a namespace, or the registry. */
export class Reader implements KvsReader {
  protected readonly connection: Connection
  protected readonly space: Space

  constructor(connection: Connection, space: Space) {
    this.connection = connection
    this.space = space
  }

  async get(key: string, options: Waiting = {}): Promise<KvsEntry | undefined> {
    checkKey(key)
    const { signal } = options
    return toEntry(key, await call(this.connection, { op: 'get', space: this.space, key }, { signal }))
  }

  async waitFor(key: string, options: Waiting = {}): Promise<KvsEntry> {
    checkKey(key)
    const { signal } = options
    const reply = await call(this.connection, { op: 'wait', space: this.space, key }, { signal, patient: true })
    return toEntry(key, reply) as KvsEntry
  }

  list(prefix: string, options: Waiting = {}): AsyncIterableIterator<KvsEntry> {
    return this.#stream('list', prefix, options)
  }

  watch(prefix: string, options: Waiting = {}): AsyncIterableIterator<KvsEntry> {
    return this.#stream('watch', prefix, options)
  }

  #stream(op: 'list' | 'watch', prefix: string, { signal }: Waiting): EntryStream {
    let refusal: Error | undefined
    try {
      checkPrefix(prefix)
    } catch (error) {
      refusal = error as Error
    }
    return new EntryStream(this.connection, { op, space: this.space, prefix }, signal, refusal)
  }
}

/** Reads and writes a namespace. */
export class Namespace extends Reader implements KvsNamespace {
  readonly name: string

  constructor(connection: Connection, name: string) {
    super(connection, name)
    this.name = name
  }

  async put(key: string, value: Uint8Array, options: Waiting = {}): Promise<number> {
    checkKey(key)
    checkValue(value)
    const { signal } = options
    // A copy, since it may have to be sent again when the caller has long changed its own.
    const copy = Buffer.from(value)
    const reply = await call(this.connection, { op: 'put', space: this.space, key, value: copy }, { signal })
    return reply.op === 'done' ? Number(reply.result) : 0
  }

  async delete(key: string, options: Waiting = {}): Promise<boolean> {
    checkKey(key)
    const { signal } = options
    const reply = await call(this.connection, { op: 'delete', space: this.space, key }, { signal })
    return reply.op === 'done' && reply.result === true
  }
}

function toEntry(key: string, reply: Reply): KvsEntry | undefined {
  return reply.op === 'entry' ? { key, value: reply.value, revision: reply.revision } : undefined
}
