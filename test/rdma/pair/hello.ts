// Whether a pair of guests is what pair tests need: each knows its role, they can wait for each
// other, and the owner is reached over the network, which is the one of their RDMA devices.
import { strictEqual } from 'node:assert'
import { once } from 'node:events'
import { openSync, readSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'

const ADDRESSES = { owner: '10.99.1.1', consumer: '10.99.1.2' }
const PORT = 4000
const PEER = '/dev/virtio-ports/peer'

const role = process.argv[2] === 'owner' ? 'owner' : 'consumer'
const device = (await readFile('/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs/0', 'utf8')).trim()
strictEqual(networkInterfaces()[device]?.[0]?.address, ADDRESSES[role])

if (role === 'owner') {
  const server = createServer((socket) => socket.end('hello')).listen(PORT, ADDRESSES.owner)
  await once(server, 'listening')
  writeFileSync(PEER, 'listening')
  const [socket] = await once(server, 'connection')
  server.close()
  await once(socket.resume(), 'close')
} else {
  // Synchronously: a read of a port that is still pending keeps a process from ending.
  readSync(openSync(PEER, 'r'), Buffer.alloc(16))
  const [greeting] = await once(connect(PORT, ADDRESSES.owner).setEncoding('utf8'), 'data')
  strictEqual(greeting, 'hello')
  console.log(`heard from ${ADDRESSES.owner}`)
}
