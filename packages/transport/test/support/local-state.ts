import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Returns the directory for state that a test and its peer share, by the process id of the test.
 */
export function stateDirOf(pid: number): string {
  return join(tmpdir(), `dyad-local-state-${pid}`)
}
