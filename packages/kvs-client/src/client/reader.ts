import type { KvsEntry, KvsNamespace, KvsReader, KvsStamp, Lease, LeaseOptions, Waiting } from '@dyad-ts/core'
import type { KeyRequest, PutRequest, Space } from '../broker/messages.js'
import { checkKey, checkPrefix, checkValue } from '../key-bounds.js'
import { call, unexpected } from './call.js'
import type { Connection } from './connection.js'
import { EntryStream } from './entry-stream.js'
import { lease } from './lease.js'

/** Reads a namespace, or the registry. */
export class Reader implements KvsReader {
  protected readonly connection: Connection
  protected readonly space: Space

  constructor(connection: Connection, space: Space) {
    this.connection = connection
    this.space = space
  }

  get(key: string, options?: Waiting): Promise<KvsEntry | undefined> {
    const request: KeyRequest = { op: 'get', id: 0, space: this.space, key }
    return (
      checked(key) ??
      call<KvsEntry | undefined>(this.connection, request, {
        signal: options?.signal,
        result(reply) {
          if (reply.op === 'entry') return { key, value: reply.value, revision: reply.revision, epoch: reply.epoch }
          if (reply.op === 'none') return undefined
          throw unexpected(reply)
        },
      })
    )
  }

  waitFor(key: string, options?: Waiting): Promise<KvsEntry> {
    const request: KeyRequest = { op: 'wait', id: 0, space: this.space, key }
    return (
      checked(key) ??
      call(this.connection, request, {
        signal: options?.signal,
        patient: true,
        result(reply) {
          if (reply.op === 'entry') return { key, value: reply.value, revision: reply.revision, epoch: reply.epoch }
          throw unexpected(reply)
        },
      })
    )
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

  put(key: string, value: Uint8Array, options?: Waiting): Promise<KvsStamp> {
    const refused = checked(key, value)
    if (refused !== undefined) return refused
    // A copy: it may be sent again after the caller has changed its own.
    this.connection.leases.overwrite(this.name, key)
    const request: PutRequest = { op: 'put', id: 0, space: this.space, key, value: Buffer.from(value) }
    return call(this.connection, request, {
      signal: options?.signal,
      result(reply) {
        if (reply.op === 'stored') return { revision: reply.revision, epoch: reply.epoch }
        throw unexpected(reply)
      },
    })
  }

  delete(key: string, options?: Waiting): Promise<boolean> {
    this.connection.leases.overwrite(this.name, key)
    const request: KeyRequest = { op: 'delete', id: 0, space: this.space, key }
    return (
      checked(key) ??
      call(this.connection, request, {
        signal: options?.signal,
        result(reply) {
          if (reply.op === 'done') return reply.result === true
          throw unexpected(reply)
        },
      })
    )
  }

  lease(key: string, options?: LeaseOptions): Promise<Lease | undefined> {
    return checked(key) ?? lease(this.connection, this.name, key, options)
  }
}

/** Returns a rejection for a key or value that cannot be stored. */
function checked(key: string, value?: Uint8Array): Promise<never> | undefined {
  try {
    checkKey(key)
    if (value !== undefined) checkValue(value)
    return undefined
  } catch (error) {
    return Promise.reject(error)
  }
}
