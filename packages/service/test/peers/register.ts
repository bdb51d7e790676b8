// Takes node n1 over with the test's entry. Arguments: the address of the store, the entry in
// base64, the lease in ms.
import { brokerKvs } from '@dyad-ts/kvs-client'

const [url = '', value = '', ttl = ''] = process.argv.slice(2)
const kvs = brokerKvs({ url })
await kvs.register('n1', Buffer.from(value, 'base64'), { ttl: Number(ttl), takeover: true })
process.send?.('registered')
