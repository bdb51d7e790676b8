import { statSync } from 'node:fs'
import { within } from '../deadline.js'
import { report } from '../diagnostics.js'
import type { KvsClient, Registration } from '../kvs/contract.js'
import { decodeNodeEntry } from '../kvs/node-entry.js'
import { type FileRecord, type Generation, isSameGeneration } from '../kvs/record.js'
import { copyName, encodeOffer, offerKey, placeKey } from './copy-registry.js'
import { type QueueContext, WantedCopy } from './wanted-copy.js'

/**
 * Size from which nodes share copies, in bytes. Smaller files take less time than agreeing on the
 * nodes to fetch them from.
 */
const LEAST_BYTES = 1024 * 1024
/** Copies that one session offers at a time; the oldest is withdrawn for a newer. */
const MOST_OFFERED = 256

/** How long an offer that is being withdrawn stays if the process dies that withdraws it, in ms. */
const WITHDRAWAL_MS = 1_000

/** The part of a session that sharing copies uses. */
export interface CopiesContext extends QueueContext {
  readonly namespace: string
  readonly key: (path: string) => string
  /** The consumer-managed directory, symbolic links resolved. */
  readonly storage: string
  /** Milliseconds that registrations outlive this session's last sign of life. */
  readonly leaseTtl: number
}

/** Returns whether nodes may offer copies of a file to one another. */
export function isShared({ size }: FileRecord): boolean {
  return size >= LEAST_BYTES
}

/** Takes back all offers of a generation of a file; the errors of KvsClient.register. */
export async function withdrawCopies(
  kvs: KvsClient,
  namespace: string,
  path: string,
  generation: Generation,
  signal: AbortSignal,
): Promise<void> {
  const prefix = offerKey(copyName(namespace, path, generation))
  const offers: string[] = []
  for await (const { key } of kvs.registry.list(prefix, { signal })) offers.push(key)
  for (const key of offers) {
    // The holder loses the key to this session, and hears of it.
    const taken = await kvs.register(key, new Uint8Array(0), { ttl: WITHDRAWAL_MS, takeover: true, signal })
    await taken.close()
  }
}

/**
 * Spreads a file from node to node. A node that wants it queues in the registry. The first two
 * nodes fetch from its owner; the others fetch from nodes that have it, two at a time from each. So
 * the owner sends two copies, however many nodes want the file. A node that has the file offers it
 * as long as its session lasts.
 */
export class Copies {
  readonly #context: CopiesContext
  readonly #offers = new Set<Registration>()
  readonly #offering = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  /** The question of all offers of this moment: whether a service serves the directory now. */
  #looking: Promise<boolean> | undefined
  /** The same, while they wait for a service. */
  #asking: Promise<void> | undefined

  constructor(context: CopiesContext) {
    this.#context = context
  }

  /**
   * Queues up for a file; undefined if it is too small to be shared, or the store does not take the
   * place in the queue in time. The caller closes it.
   */
  async want(record: FileRecord, signal: AbortSignal): Promise<WantedCopy | undefined> {
    if (!isShared(record)) return undefined
    const late = () => new Error('the store did not take the place in the queue in time')
    try {
      return await within(this.#context.patience, late, signal, (bounded) => this.#queue(record, bounded))
    } catch (error) {
      signal.throwIfAborted()
      // The owner has the file all the same.
      report('dyad.transfer.notShared', { record, error: error as Error })
      return undefined
    }
  }

  async #queue(record: FileRecord, signal: AbortSignal): Promise<WantedCopy> {
    const { kvs, namespace, node, leaseTtl } = this.#context
    const name = copyName(namespace, record.path, record)
    // The key is this node's own: its former holder is a process of this node that died, or is
    // done.
    const place = await kvs.register(placeKey(name, node), new Uint8Array(0), {
      ttl: leaseTtl,
      takeover: true,
      signal,
      background: true,
    })
    return new WantedCopy(record, name, place, this.#context)
  }

  /**
   * Offers the file at `local` to other nodes, then gives up the place in the queue. Waits for
   * neither.
   */
  offer(wanted: WantedCopy, local: string): void {
    const offering = this.#offer(wanted, local)
      .catch((error: Error) => {
        if (!this.#closing.signal.aborted) report('dyad.transfer.notShared', { record: wanted.record, error })
      })
      .finally(() => this.#offering.delete(offering))
    this.#offering.add(offering)
  }

  /** Withdraws every offer. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#offering)
    await Promise.all([...this.#offers].map((offer) => this.#withdraw(offer)))
  }

  async #offer(wanted: WantedCopy, local: string): Promise<void> {
    const { kvs, namespace, key, node, storage, leaseTtl } = this.#context
    const { name, record } = wanted
    // Without a place or an offer of this node, the next one in the queue would ask the owner.
    await using place = wanted.handOver()
    const { mtimeNs } = statSync(local, { bigint: true })
    this.#looking ??= this.#isServed().finally(() => {
      this.#looking = undefined
    })
    if (!(await this.#looking)) {
      // Nobody else waits for a service of this node.
      await place?.close()
      this.#asking ??= this.#assertServed().finally(() => {
        this.#asking = undefined
      })
      await this.#asking
    }
    const value = encodeOffer({ node, storage, mtimeNs })
    const offer = await kvs.register(offerKey(name, node), value, {
      ttl: leaseTtl,
      takeover: true,
      background: true,
    })
    this.#offers.add(offer)
    offer.lost.addEventListener('abort', () => this.#offers.delete(offer), { once: true })
    // A removal of the record withdraws the offers that exist then; a later offer finds the record
    // gone.
    const entry = await kvs.namespace(namespace).get(key(record.path))
    const isNewest = entry !== undefined && isSameGeneration({ ...entry, generation: entry.revision }, record)
    if (!isNewest) await this.#withdraw(offer)
    const [oldest] = this.#offers
    if (this.#offers.size > MOST_OFFERED && oldest !== undefined) await this.#withdraw(oldest)
  }

  /** Resolves with whether a service serves the directory now. */
  async #isServed(): Promise<boolean> {
    const { kvs, node, storage } = this.#context
    const entry = await kvs.registry.get(node, { signal: this.#closing.signal })
    return entry !== undefined && decodeNodeEntry(entry).directories.includes(storage)
  }

  /**
   * Waits for a service of the directory as long as a lease lasts: it may have lost its place in
   * the registry for a moment. Rejects without one, since other nodes would ask for the copy in
   * vain.
   */
  async #assertServed(): Promise<void> {
    const { kvs, node, storage, leaseTtl } = this.#context
    const unserved = () => new Error(`no service of node '${node}' serves ${storage}`)
    const found = await within(leaseTtl, unserved, this.#closing.signal, (signal) =>
      kvs.registry.waitFor(node, { signal }),
    )
    if (!decodeNodeEntry(found).directories.includes(storage)) throw unserved()
  }

  async #withdraw(offer: Registration): Promise<void> {
    this.#offers.delete(offer)
    await offer.close()
  }
}
