// Starts so many waits, and reports the end of the last. The first argument is the number of the
// first key.
import { brokerKvs } from '@dyad-ts/kvs-client'

const [url, first, count] = process.argv.slice(2)
const client = brokerKvs({ url })
const namespace = client.namespace('ns')
const waits = Array.from({ length: Number(count) }, (_, i) => namespace.waitFor(`wait/${Number(first) + i}`))
const entries = Promise.all(waits)
await namespace.get('nothing')
process.send('blocked')
const right = (await entries).every(({ key, value }) => key === `wait/${Buffer.from(value).toString()}`)
process.send(right ? 'woken' : 'confused')
await client.close()
process.disconnect()
