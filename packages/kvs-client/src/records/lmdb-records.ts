import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { RecordStore, Records, Stored, StoredNamespace } from './contract.js'

/** How many records are read from the database at a time. */
const PAGE = 256
/** Bytes of a namespace's number in front of each of its keys. */
const ID_BYTES = 4
/** Bytes of the revision in front of each value. */
const REVISION_BYTES = 8

type Bytes = Database<Buffer, Buffer>

/** Records of one namespace in lmdb, under `number, key`. */
class LmdbRecords implements Records {
  readonly #db: Bytes
  readonly id: number

  constructor(db: Bytes, id: number) {
    this.#db = db
    this.id = id
  }

  get(key: string): Stored | undefined {
    const bytes = this.#db.get(toKey(this.id, key))
    return bytes === undefined ? undefined : toStored(bytes)
  }

  async put(key: string, stored: Stored): Promise<void> {
    const bytes = Buffer.allocUnsafe(REVISION_BYTES + stored.value.length)
    bytes.writeDoubleBE(stored.revision)
    bytes.set(stored.value, REVISION_BYTES)
    await this.#db.put(toKey(this.id, key), bytes)
  }

  async delete(key: string): Promise<boolean> {
    const bytes = toKey(this.id, key)
    // Within the order of writes, so that a put on its way is seen; remove() alone does not tell.
    return this.#db.transaction(() => {
      const was = this.#db.get(bytes) !== undefined
      if (was) this.#db.removeSync(bytes)
      return was
    })
  }

  /** Reads page by page, so that no reader pins old pages while its peer is slow. */
  *scan(prefix: string): Generator<[string, Stored]> {
    const first = toKey(this.id, prefix)
    let start = first
    for (;;) {
      const page = [...this.#db.getRange({ start, limit: PAGE })]
      for (const { key, value } of page) {
        if (!key.subarray(0, first.length).equals(first)) return
        yield [key.toString('utf8', ID_BYTES), toStored(value)]
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      start = next(last.key)
    }
  }

  /** Removes everything, a page at a time. */
  async purge(): Promise<void> {
    const first = toKey(this.id, '')
    for (;;) {
      const keys = [...this.#db.getKeys({ start: first, limit: PAGE })].filter((key) =>
        key.subarray(0, ID_BYTES).equals(first),
      )
      if (keys.length === 0) return
      await Promise.all(keys.map((key) => this.#db.remove(key)))
    }
  }
}

/** What is known of a namespace: its number, and the call that created it. */
interface NamespaceRow {
  id: number
  nonce: string
}

/** Namespaces and records in an lmdb database; what was committed survives the process. */
export class LmdbRecordStore implements RecordStore {
  readonly durable = true
  readonly ceiling: number
  readonly #root: RootDatabase<unknown, string>
  readonly #records: Bytes
  /** By name. */
  readonly #names: Database<NamespaceRow, string>
  /** Numbers of removed namespaces whose records are still to be removed. */
  readonly #doomed: Database<boolean, number>
  readonly #purges = new Set<Promise<void>>()
  #nextId = 1

  /** Opens the database in `directory`, which is made if it is missing. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // Keys of 4,000 bytes and a namespace's number need pages of 8 KiB.
    this.#root = open<unknown, string>({ path: directory, pageSize: 8192, maxDbs: 4 })
    this.#records = this.#root.openDB({
      name: 'records',
      keyEncoding: 'binary',
      encoding: 'binary',
    }) as unknown as Bytes
    this.#names = this.#root.openDB<NamespaceRow, string>({ name: 'namespaces' })
    this.#doomed = this.#root.openDB<boolean, number>({ name: 'doomed' })
    const ceiling = this.#root.get('ceiling')
    this.ceiling = typeof ceiling === 'number' ? ceiling : 0
    for (const { value } of this.#names.getRange()) this.#nextId = Math.max(this.#nextId, value.id + 1)
    for (const { key: id } of this.#doomed.getRange()) {
      this.#nextId = Math.max(this.#nextId, id + 1)
      this.#purge(new LmdbRecords(this.#records, id))
    }
  }

  raise(ceiling: number): void {
    // Commits with or before the puts that follow; if it cannot, they cannot either, and say so.
    this.#root.put('ceiling', ceiling).catch(() => {})
  }

  namespaces(): StoredNamespace[] {
    return [...this.#names.getRange()].map(({ key: name, value: { id, nonce } }) => ({
      name,
      nonce,
      records: new LmdbRecords(this.#records, id),
    }))
  }

  create(name: string, nonce: string): { namespace: StoredNamespace; committed: Promise<void> } {
    const id = this.#nextId++
    const committed = this.#names.put(name, { id, nonce }).then(() => {})
    return { namespace: { name, nonce, records: new LmdbRecords(this.#records, id) }, committed }
  }

  async remove(namespace: StoredNamespace): Promise<void> {
    const records = namespace.records as LmdbRecords
    await this.#root.transaction(() => {
      // A namespace of the same name may have been created anew by now.
      if (this.#names.get(namespace.name)?.id === records.id) this.#names.removeSync(namespace.name)
      this.#doomed.putSync(records.id, true)
    })
    this.#purge(records)
  }

  count(): number {
    return (this.#records.getStats() as { entryCount: number }).entryCount
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#purges)
    await this.#root.close()
  }

  #purge(records: LmdbRecords): void {
    const purge = records
      .purge()
      .then(() => this.#doomed.remove(records.id))
      // What is left goes at the next start.
      .catch(() => {})
      .then(() => {
        this.#purges.delete(purge)
      })
    this.#purges.add(purge)
  }
}

function toKey(id: number, key: string): Buffer {
  const bytes = Buffer.allocUnsafe(ID_BYTES + Buffer.byteLength(key))
  bytes.writeUInt32BE(id)
  bytes.write(key, ID_BYTES)
  return bytes
}

function next(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)])
}

function toStored(bytes: Buffer): Stored {
  return { revision: bytes.readDoubleBE(), value: bytes.subarray(REVISION_BYTES) }
}
