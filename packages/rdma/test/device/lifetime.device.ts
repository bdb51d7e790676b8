import { setTimeout as delay } from 'node:timers/promises'
import { ManagedSource } from '@dyad-ts/core'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { digestOf, Storage } from '../support/files.js'
import { resources } from '../support/kernel.js'
import { OwnerProcess } from '../support/owner.js'
import { PeerProcess } from '../support/peer-process.js'

const MIB = 1024 * 1024
/** Longer than any test may take: a test that waits for it fails. */
const NEVER_MS = 3_600_000

test('a connection that is not used is closed, and one that is used is kept', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', 40)
  const owner = await OwnerProcess.serve(t, storage.path)
  await using transport = rdmaTransport({ token: 'secret', idleMs: 1_000 })
  for (let i = 0; i < 20; i++) {
    t.equal(await digestOf(await transport.fetch(owner.address, version)), digest)
    t.equal(resources('qp', process.pid), 1, 'one connection for all')
  }
  // The kernel has no event for this.
  while (resources('qp', process.pid) + resources('qp', owner.pid) > 0) await delay(100)
  t.equal(await digestOf(await transport.fetch(owner.address, version)), digest, 'the next makes a new one')
})

test('a transport keeps no process alive, whether it is closed or not', async (t) => {
  const storage = new Storage(t)
  const { version } = storage.write('file', 24 * MIB)
  const owner = await OwnerProcess.serve(t, storage.path)
  const wanted = { address: owner.address, version }
  const begin = async () => {
    const consumer = new PeerProcess(t, 'consumer')
    await consumer.ask('use', { token: 'secret', idleMs: NEVER_MS })
    return consumer
  }

  await t.test('an idle connection', async () => {
    const consumer = await begin()
    await consumer.ask('fetch', wanted)
    await consumer.leave()
  })
  await t.test('closed, and closed again, amid transfers', async () => {
    const consumer = await begin()
    await consumer.ask('hold', wanted)
    await consumer.ask('hold', wanted)
    await Promise.all([consumer.ask('close'), consumer.ask('close')])
    await t.rejects(consumer.ask('fetch', wanted), { code: 'ERR_DYAD_CLOSED' })
    await consumer.leave()
  })
  await owner.idle()
  t.equal(resources('qp', owner.pid), 0, 'the owner has given up their connections')
})

test('a server that is closed and begun again is reached again, over a new connection', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', 100_000)
  await using consumer = rdmaTransport({ token: 'secret' })
  let port = 0
  for (let round = 0; round < 3; round++) {
    await using transport = rdmaTransport({ token: 'secret', port })
    const server = await transport.serve(await ManagedSource.open([storage.path]))
    port = JSON.parse(server.address).ends[0].port
    t.equal(await digestOf(await consumer.fetch(server.address, version)), digest)
    t.equal(await digestOf(await consumer.fetch(server.address, version)), digest)
    await Promise.all([server.close(), server.close()])
    await server.close()
    await t.rejects(consumer.fetch(server.address, version), { code: 'ERR_DYAD_OWNER_UNREACHABLE' })
  }
  await consumer.close()
  await consumer.close()
  t.equal(resources('qp', process.pid), 0)
  t.equal(resources('mr', process.pid), 0)
})
