import { within } from '../deadline.js'
import { report } from '../diagnostics.js'
import type { KvsClient, KvsEntry, Registration } from '../kvs/contract.js'
import type { FileRecord } from '../kvs/record.js'
import { copyKeys, decodeOffer, placeKey } from './copy-registry.js'

/** Nodes that fetch from one node at a time. */
const FANOUT = 2
/**
 * How long a node in the queue waits before it looks again, in ms, and then twice as long each
 * time: a watch does not report removals.
 */
const FIRST_LOOK_MS = 250

/** The part of a session that a place in the queue uses. */
export interface QueueContext {
  readonly kvs: KvsClient
  readonly node: string
  /** Milliseconds to wait for a copy before the owner is asked all the same. */
  readonly patience: number
}

/** A place in the queue for one file. */
export class WantedCopy implements AsyncDisposable {
  readonly record: FileRecord
  /** Names the generation of the file in the registry. */
  readonly name: string
  readonly #context: QueueContext
  #place: Registration | undefined
  /** Nodes whose copies did not serve. */
  readonly #failed = new Set<string>()

  constructor(record: FileRecord, name: string, place: Registration, context: QueueContext) {
    this.record = record
    this.name = name
    this.#place = place
    this.#context = context
  }

  /**
   * Waits for its turn, and resolves with the record as the next node to ask has it: a holder of a
   * copy, or the owner.
   */
  async source(signal: AbortSignal): Promise<FileRecord> {
    const until = performance.now() + this.#context.patience
    const late = new Error('its turn did not come in time')
    for (let look = FIRST_LOOK_MS; ; look *= 2) {
      const left = until - performance.now()
      if (left <= 0) return this.record
      try {
        return await within(
          Math.min(look, left),
          () => late,
          signal,
          (bounded) => this.#turn(bounded),
        )
      } catch (error) {
        signal.throwIfAborted()
        if (error === late) continue
        report('dyad.transfer.notShared', { record: this.record, error: error as Error })
        return this.record
      }
    }
  }

  /** Notes that the copy of a node did not serve; that node is not asked again. */
  failed(source: FileRecord): void {
    this.#failed.add(source.owner)
  }

  /** Hands the place in the queue to the caller, which closes it. */
  handOver(): Registration | undefined {
    const place = this.#place
    this.#place = undefined
    return place
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place?.close()
  }

  /** Looks at the queue, and again after each change. */
  async #turn(signal: AbortSignal): Promise<FileRecord> {
    const source = await this.#choose(signal)
    if (source !== undefined) return source
    for await (const _ of this.#context.kvs.registry.watch(copyKeys(this.name), { signal })) {
      const next = await this.#choose(signal)
      if (next !== undefined) return next
    }
    return this.record
  }

  async #choose(signal: AbortSignal): Promise<FileRecord | undefined> {
    const { kvs, node } = this.#context
    const wants: KvsEntry[] = []
    const copies: FileRecord[] = []
    /** Places of nodes that offer the file by now. */
    const done = new Set<string>()
    const mine = placeKey(this.name, node)
    for await (const entry of kvs.registry.list(copyKeys(this.name), { signal })) {
      if (entry.key.startsWith(placeKey(this.name))) wants.push(entry)
      else {
        const copy = decodeOffer(entry, this.name, this.record)
        if (copy === undefined || copy.owner === node) continue
        done.add(placeKey(this.name, copy.owner))
        if (!this.#failed.has(copy.owner)) copies.push(copy)
      }
    }
    const queue = wants.filter(({ key }) => !done.has(key)).sort((a, b) => a.revision - b.revision)
    const turn = queue.findIndex(({ key }) => key === mine)
    const sources = copies.length > 0 ? copies : this.#failed.size > 0 || turn < FANOUT ? [this.record] : []
    if (turn === -1) return sources[0] ?? this.record
    return copies.length > 0 ? sources[Math.floor(turn / FANOUT)] : sources[0]
  }
}
