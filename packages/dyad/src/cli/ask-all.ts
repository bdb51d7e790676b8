import { type DyadError, isDyadError } from '@dyad/core'
import { type AskOptions, askControl } from '@dyad/service'
import type { NodeStatus } from '../start.js'
import type { AloneStatus } from '../start-store.js'

/** What became of a question to several services. */
export interface Asked {
  /** What they answered; null from one that had just begun. */
  readonly answers: readonly (NodeStatus | AloneStatus | null)[]
  /** Of those that did not answer, or not as a service does. */
  readonly failures: readonly DyadError[]
}

/**
 * Asks the services that listen at these paths, all at once; one that does not answer hides no
 * other.
 */
export async function askAll(paths: readonly string[], word: string, options: AskOptions): Promise<Asked> {
  const answers: (NodeStatus | AloneStatus | null)[] = []
  const failures: DyadError[] = []
  const ask = async (path: string) => {
    try {
      const answer = await askControl(path, word, options)
      // What nobody answers at was left behind by a service that was killed.
      if (answer !== undefined) answers.push(answer as NodeStatus | AloneStatus | null)
    } catch (error) {
      if (!isDyadError(error)) throw error
      failures.push(error)
    }
  }
  await Promise.all(paths.map(ask))
  return { answers, failures }
}
