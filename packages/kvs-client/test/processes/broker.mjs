// A broker in a process of its own, so that it can be killed. Options come as JSON; the address goes to the parent.
import { startBroker } from '@dyad/kvs-client'

const broker = await startBroker(JSON.parse(process.argv[2]))
process.on('disconnect', () => broker.close())
process.send({ port: broker.port, url: broker.url() })
