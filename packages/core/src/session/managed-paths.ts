import { isAbsolute, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Consumer } from '../consumer/consumer.js'
import { DyadError } from '../errors.js'
import type { ManagedFile } from '../managed-directory.js'
import { assertManagedPath } from '../managed-path.js'
import type { Producer } from '../producer/producer.js'
import type { Session } from './session.js'

/** Finds the managed file that a path names. */
export class ManagedPaths {
  readonly #config: Session['config']
  readonly #producer: Producer
  readonly #consumer: Consumer

  constructor({ config }: Session, producer: Producer, consumer: Consumer) {
    this.#config = config
    this.#producer = producer
    this.#consumer = consumer
  }

  /** The file of the producer-managed directory; undefined for a path outside. ERR_DYAD_PATH. */
  async produced(path: string | URL): Promise<ManagedFile | undefined> {
    return this.#config.producerPath === undefined
      ? undefined
      : (await this.#producer.directory()).locate(path, this.#config.relative)
  }

  /** The file of the consumer-managed directory; undefined for a path outside. ERR_DYAD_PATH. */
  async consumed(path: string | URL): Promise<ManagedFile | undefined> {
    return this.#config.consumerPath === undefined
      ? undefined
      : (await this.#consumer.directory()).locate(path, this.#config.relative)
  }

  /** The file of one side's directory. ERR_DYAD_UNTRACKED for a path outside, ERR_DYAD_PATH. */
  async tracked(path: string | URL, side: 'producer' | 'consumer'): Promise<ManagedFile> {
    const file = await (side === 'producer' ? this.produced(path) : this.consumed(path))
    if (file !== undefined) return file
    const directory = this.#config[`${side}Path`]
    const detail =
      directory === undefined ? `no ${side}-managed directory is set` : `the ${side}-managed directory is ${directory}`
    throw new DyadError('ERR_DYAD_UNTRACKED', { path: String(path), detail })
  }

  /**
   * The managed path of a file in either directory; a relative path needs no directory.
   * ERR_DYAD_UNTRACKED, ERR_DYAD_PATH.
   */
  async nameOf(path: string | URL): Promise<string> {
    const text = path instanceof URL ? fileURLToPath(path) : path
    if (!isAbsolute(text) && this.#config.relative) {
      const name = posix.normalize(text)
      assertManagedPath(name)
      return name
    }
    const file = (await this.consumed(path)) ?? (await this.produced(path))
    if (file === undefined) throw new DyadError('ERR_DYAD_UNTRACKED', { path: text })
    return file.path
  }
}
