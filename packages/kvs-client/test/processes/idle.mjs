// Uses a client and never closes it. The process still ends, unless it waits for something.
import { brokerKvs } from '@dyad-ts/kvs-client'

const client = brokerKvs({ url: process.argv[2] })
await client.listNamespaces()
process.send('used')
process.disconnect()
if (process.argv[3] === 'wait') {
  await client.namespace('ns').waitFor('key')
  await client.close()
  process.exitCode = 7
}
