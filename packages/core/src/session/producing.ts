import { standingAside } from '../aside.js'
import type { Waiting } from '../kvs/contract.js'
import type { FileRecord } from '../kvs/record.js'
import type { ManagedFile } from '../managed-directory.js'
import { flatOptions } from '../options/flat-options.js'
import type { Producer } from '../producer/producer.js'
import type { StagedFile } from '../producer/stage.js'
import type { ManagedPaths } from './managed-paths.js'
import type { Session } from './session.js'

/** The calls of a session that produce; DyadCore documents them. */
export class Producing {
  readonly #session: Session
  readonly #paths: ManagedPaths
  readonly #producer: Producer

  constructor(session: Session, paths: ManagedPaths, producer: Producer) {
    this.#session = session
    this.#paths = paths
    this.#producer = producer
  }

  async produce(path: string | URL, given: Waiting): Promise<FileRecord> {
    const { signal } = flatOptions(given)
    return this.#session.operations.run(signal, async (bounded) =>
      this.#producer.publish(await this.#paths.tracked(path, 'producer'), bounded),
    )
  }

  async remove(path: string | URL, given: Waiting): Promise<void> {
    const { signal } = flatOptions(given)
    return this.#session.operations.run(signal, async (bounded) => {
      await this.#producer.remove(await this.#paths.nameOf(path), bounded)
    })
  }

  async stage<Opened>(
    file: ManagedFile,
    flags: number,
    mode: number | undefined,
    open: (staged: StagedFile) => Opened,
    given: Waiting,
  ): Promise<{ staged: StagedFile; opened: Awaited<Opened> }> {
    const { signal = this.#session.operations.closing } = flatOptions(given)
    return standingAside(() => this.#producer.stage(file, flags, mode ?? 0o666, open, signal))
  }
}
