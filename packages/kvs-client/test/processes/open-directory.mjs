// Starts a broker on a directory, and prints the result.
import { startBroker } from '@dyad-ts/kvs-client'

try {
  const broker = await startBroker({ data: process.argv[2] })
  process.send({ held: true })
  await broker.close()
} catch ({ code, detail }) {
  process.send({ code, detail })
}
process.disconnect()
