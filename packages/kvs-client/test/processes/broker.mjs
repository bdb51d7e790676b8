// A broker in its own process, so that a test can kill it. Options come as JSON; the address goes
// to the parent.
import { startBroker } from '@dyad-ts/kvs-client'

const broker = await startBroker(JSON.parse(process.argv[2]))
// Its parent has ended, and may have removed the directory before.
process.on('disconnect', () => broker.close().catch(() => {}))
process.send({ port: broker.port, url: broker.url() })
