import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The directory for state that a test and its peer share, by the id of the test's process. */
export function stateDirOf(pid: number): string {
  return join(tmpdir(), `dyad-local-state-${pid}`)
}
