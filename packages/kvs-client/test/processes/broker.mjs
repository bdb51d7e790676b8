// A broker in a process of its own, so that it can be killed. Options come as JSON; the address
// goes to the parent.
import { startBroker } from '@dyad-ts/kvs-client'

const broker = await startBroker(JSON.parse(process.argv[2]))
// Its parent is gone, and may have removed the directory before.
process.on('disconnect', () => broker.close().catch(() => {}))
process.send({ port: broker.port, url: broker.url() })
