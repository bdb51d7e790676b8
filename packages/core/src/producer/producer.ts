import { within } from '../deadline.js'
import { report } from '../diagnostics.js'
import { withDescriptors } from '../files/descriptors.js'
import { StoringParents } from '../files/storing-parents.js'
import type { Temporaries } from '../files/temporaries.js'
import type { KvsClient } from '../kvs/contract.js'
import type { FileRecord } from '../kvs/record.js'
import { ManagedDirectory, type ManagedFile } from '../managed-directory.js'
import { OpenedOnce } from '../opened-once.js'
import type { Operations } from '../operations.js'
import { type Config, noteHealth } from '../options/config.js'
import { abortable } from '../transfer/abortable.js'
import { SMALL_FILE_BYTES, type WrittenFile } from './describe.js'
import { whyUnfetchable } from './fetchable.js'
import { PendingPublishes } from './pending.js'
import { type PublishContext, type Publishing, publish } from './publish.js'
import { remove } from './remove.js'
import { type StagedFile, stage } from './stage.js'

/** How long the registry may take to say whether others can fetch from here, in ms. */
const ADVICE_MS = 1_000

/** The part of a session that producing uses. */
interface ProducerContext extends PublishContext {
  readonly parents: StoringParents
}

/** The parts of a session that producing uses. The session closes them. */
export interface ProducerParts {
  readonly config: Omit<Config, 'kvs'>
  readonly kvs: KvsClient
  readonly lookup: Pick<PublishContext, 'namespace' | 'key'>
  readonly operations: Operations
  readonly temporaries: Temporaries
}

/**
 * The producing half of a session: stages files, publishes them, and removes their records. The
 * maker closes it, before the operations of the session.
 */
export class Producer {
  readonly #parts: ProducerParts
  readonly #pending = new PendingPublishes()
  readonly #context = new OpenedOnce(() => this.#open())
  #advice: Promise<void> | undefined

  constructor(parts: ProducerParts) {
    this.#parts = parts
  }

  /** The producer-managed directory, made if it is missing. */
  async directory(): Promise<ManagedDirectory> {
    return (await this.#context.get()).directory
  }

  /** Publishes a file as it stands now; see {@link publish}. */
  async publish(file: ManagedFile, signal: AbortSignal, publishing?: Publishing): Promise<FileRecord> {
    const context = await this.#context.get()
    const record = await publish(file, context, signal, publishing)
    if (this.#parts.config.syncCheck) noteHealth()
    this.#advice ??= this.#advise(context.node)
    return record
  }

  /** Stages a file for writing, and opens it as the caller does; see {@link stage}. */
  async stage<Opened>(
    file: ManagedFile,
    flags: number,
    mode: number,
    open: (staged: StagedFile) => Opened,
    signal: AbortSignal,
  ): Promise<{ staged: StagedFile; opened: Awaited<Opened> }> {
    const { parents, inlineLimit } = await this.#context.get()
    const place = { parents, temporaries: this.#parts.temporaries, inlineLimit }
    const publishStaged = (written: WrittenFile | undefined) => this.#publishStaged(file, written)
    return withDescriptors(async () => {
      const staged = stage(file, flags, mode, place, publishStaged)
      try {
        return { staged, opened: await open(staged) }
      } catch (error) {
        await staged.discard()
        throw error
      }
    }, signal)
  }

  /** Removes the record of a managed path, once streams have published what they finished there. */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    await abortable(this.#pending.of(path), signal)
    await remove(path, { ...this.#parts.lookup, kvs: this.#parts.kvs }, signal)
  }

  /**
   * Resolves when everything that streams have finished so far is published; see
   * PendingPublishes.settle.
   */
  flush(): Promise<void> {
    return this.#pending.settle()
  }

  /** Flushes, and waits for the advice that is under way. */
  async close(): Promise<void> {
    await this.flush()
    await this.#advice
  }

  async #publishStaged(file: ManagedFile, written: WrittenFile | undefined): Promise<FileRecord | undefined> {
    const { config, operations } = this.#parts
    let isFresh = true
    const published = (isLast?: () => boolean) => {
      const publishing = { written, isFresh, isLast }
      return operations.run(undefined, (bounded) => this.publish(file, bounded, publishing))
    }
    if (!config.asyncPublish) return published()
    // It goes on by itself; the caller waits only for room for the next.
    const room = this.#pending.add(file.path, published)
    // A publish that waits for an earlier one of its path may find another file there.
    isFresh = false
    if (room !== undefined) await room
    return undefined
  }

  /**
   * Resolves with the reason why other nodes cannot fetch the files that are published here, and
   * the remedy; undefined if they can, or if the registry does not answer in time.
   */
  async unfetchable(): Promise<string | undefined> {
    const { config, kvs, operations } = this.#parts
    if (config.sharedStorage || !kvs.capabilities.crossProcess) return undefined
    const late = () => new Error('the registry did not answer in time')
    try {
      const context = await this.#context.get()
      const ask = (signal: AbortSignal) => whyUnfetchable(context, kvs.registry, { signal })
      return await within(ADVICE_MS, late, operations.closing, ask)
    } catch {
      // A consumer that cannot fetch gets the reason.
      return undefined
    }
  }

  /** Reports if others cannot fetch. Only the end of the session waits for it. */
  async #advise(node: string): Promise<void> {
    const reason = await this.unfetchable()
    if (reason !== undefined) report('dyad.producer.unfetchable', { node, reason })
  }

  async #open(): Promise<ProducerContext> {
    const { config, lookup } = this.#parts
    const { producerPath = '', node, fsyncWrite, sharedStorage, inlineLimit, digestAll } = config
    const directory = await ManagedDirectory.open(producerPath)
    return {
      ...lookup,
      node,
      directory,
      parents: new StoringParents(directory.real),
      fsync: fsyncWrite,
      sharedStorage,
      // With shared storage nothing moves, and nothing needs to.
      inlineLimit: sharedStorage ? 0 : inlineLimit,
      digestLimit: sharedStorage ? -1 : digestAll ? Number.MAX_SAFE_INTEGER : SMALL_FILE_BYTES,
    }
  }
}
