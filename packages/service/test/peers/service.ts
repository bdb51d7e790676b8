// Runs a service in its own process, for tests that kill it. Arguments: the store's address, the
// node, the directory for state, the lease in ms.
import { brokerKvs } from '@dyad-ts/kvs-client'
import { localTransport } from '@dyad-ts/transport'
import { openControl, Service } from '../../src/index.js'

const [url = '', node = '', stateDir = '', leaseTtl = ''] = process.argv.slice(2)
await openControl(stateDir, node, () => ({ pid: process.pid }))
await Service.start({
  node,
  directories: [],
  kvs: brokerKvs({ url }),
  transports: [localTransport({ stateDir })],
  leaseTtl: Number(leaseTtl),
})
process.send?.('ready')
