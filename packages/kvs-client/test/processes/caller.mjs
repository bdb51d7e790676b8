// Makes many calls among others, all with one signal, and prints how many MiB its old generation
// grew. Needs --expose-gc.
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { brokerKvs } from '@dyad-ts/kvs-client'

const AT_A_TIME = 32
const [url, count] = process.argv.slice(2)
const client = brokerKvs({ url })
const namespace = client.namespace('ns')
const { signal } = new AbortController()

const oldMiB = () =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_used_size / 2 ** 20

let goesOn = true
const others = Array.from({ length: AT_A_TIME - 1 }, async () => {
  while (goesOn) await namespace.get('nothing', { signal })
})
async function call(times) {
  for (let i = 0; i < times; i++) await namespace.get('nothing', { signal })
}

await call(count / 10)
// Calls under way now move to the old generation.
gc()
await turn()
const before = oldMiB()
let most = before
for (let tenth = 0; tenth < 10; tenth++) {
  await call(count / 10)
  most = Math.max(most, oldMiB())
}
goesOn = false
await Promise.all(others)
process.send(most - before)
await client.close()
process.disconnect()
