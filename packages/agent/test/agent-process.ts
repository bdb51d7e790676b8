/** A test's agent, in its own process. */
import { openAgent } from '../src/index.js'

const [path = '', stateDir = ''] = process.argv.slice(2)
const openSession = async () => {
  throw new Error('it has no sessions')
}
await openAgent({ path, stateDir, openSession })
process.send?.('ready')
