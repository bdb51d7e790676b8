// Prints, as TAP, the outcome of each test file that it is given: every file in a process of its
// own, several at a time. tap's own command would load its hooks for coverage into each process
// that a test starts, which makes those take three times as much of the processor.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { t } from 'tap'

/** Of one file, in seconds. */
const TIMEOUT = 300
// Tests wait as much as they compute.
t.jobs = availableParallelism() + 1
t.setTimeout(0)

const env = { ...process.env, TAP_TIMEOUT: String(TIMEOUT) }
// tap's `spawn` adds its hooks to NODE_OPTIONS.
const { NODE_OPTIONS } = process.env
const nodeOptions = NODE_OPTIONS === undefined ? ['-u', 'NODE_OPTIONS'] : [`NODE_OPTIONS=${NODE_OPTIONS}`]
for (const file of process.argv.slice(2)) {
  // tap keeps what becomes of a process in its options: each has its own.
  const options = { buffered: true, timeout: TIMEOUT * 1000, env }
  t.spawn('env', [...nodeOptions, process.execPath, '--enable-source-maps', '--import=tsx', file], options, file)
}
process.once('SIGTERM', () => t.endAll())
