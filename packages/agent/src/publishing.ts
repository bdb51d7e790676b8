import { type DyadCore, DyadError, isDyadError } from '@dyad/core'
import { PathOrder } from './path-order.js'

/**
 * What programs publish and withdraw. Of one path, what was asked for first is done first, whoever
 * asked, also over different sessions.
 */
export class Publishing {
  readonly #order = new PathOrder()

  /** Publishes a file; resolves once every consumer can see the record. The errors of DyadCore.produce. */
  produce(session: DyadCore, name: string | undefined): Promise<void> {
    return this.#inOrder(session, name, async (path) => {
      await session.produce(path)
    })
  }

  /** Withdraws the record of a file, if it has one. The errors of DyadCore.remove. */
  withdraw(session: DyadCore, name: string | undefined): Promise<void> {
    return this.#inOrder(session, name, (path) => removeIfPublished(session, path))
  }

  #inOrder(session: DyadCore, name: string | undefined, work: (path: string) => Promise<void>): Promise<void> {
    const { producerPath } = session.config
    if (producerPath === undefined) {
      throw new DyadError('ERR_DYAD_UNTRACKED', { path: name, detail: 'no producer-managed directory is set' })
    }
    if (name === undefined) throw new DyadError('ERR_DYAD_PATH', { detail: 'it is not well-formed UTF-8' })
    return this.#order.run(`${producerPath}\0${name}`, () => work(name))
  }
}

async function removeIfPublished(session: DyadCore, path: string): Promise<void> {
  try {
    await session.remove(path)
  } catch (error) {
    if (!isDyadError(error, 'ERR_DYAD_NOT_FOUND')) throw error
  }
}
