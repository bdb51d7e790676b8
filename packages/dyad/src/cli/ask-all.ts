import { type DyadError, isDyadError } from '@dyad-ts/core'
import { type AskOptions, askControl } from '@dyad-ts/service'
import type { NodeStatus } from '../start.js'
import type { AloneStatus } from '../start-store.js'

/** The answers of several services to one question. */
export interface Asked {
  /** The answers; null from a service that had just begun. */
  readonly answers: readonly (NodeStatus | AloneStatus | null)[]
  /** The errors of services that gave no answer, or an invalid one. */
  readonly failures: readonly DyadError[]
}

/**
 * Asks the services that listen at these paths, all at once. A service that does not answer does
 * not affect the others.
 */
export async function askAll(paths: readonly string[], word: string, options: AskOptions): Promise<Asked> {
  const answers: (NodeStatus | AloneStatus | null)[] = []
  const failures: DyadError[] = []
  const ask = async (path: string) => {
    try {
      const answer = await askControl(path, word, options)
      // A killed service leaves a socket behind, at which nothing answers.
      if (answer !== undefined) answers.push(answer as NodeStatus | AloneStatus | null)
    } catch (error) {
      if (!isDyadError(error)) throw error
      failures.push(error)
    }
  }
  await Promise.all(paths.map(ask))
  return { answers, failures }
}
