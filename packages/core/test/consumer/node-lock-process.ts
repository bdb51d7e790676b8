/** Takes a lock and waits to be killed. */
import { withNodeLock } from '../../src/consumer/node-lock.js'

await withNodeLock(process.argv[2] as string, new AbortController().signal, () => {
  process.send?.('held')
  setInterval(() => {}, 1 << 30)
  return new Promise(() => {})
})
