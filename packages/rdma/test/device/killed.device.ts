import { setTimeout as delay } from 'node:timers/promises'
import { ManagedSource } from '@dyad-ts/core'
import { CountingSource } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { MAX_SLAB_BYTES, type Slab, Slabs } from '../../src/transport/slabs.js'
import { digestOf, failureOf, Storage } from '../support/files.js'
import { registeredBytes, resources } from '../support/kernel.js'
import { OwnerProcess, type Wanted } from '../support/owner.js'
import { PeerProcess } from '../support/peer-process.js'

const MIB = 1024 * 1024
/** More bytes than may be under way at once. */
const SIZE = 24 * MIB
const BOUND_MS = 10_000
/** One round finds faults that occur every time, more rounds those that occur now and then. */
const roundsOf = (all: number) => (process.env.DYAD_TEST_ALL_ROUNDS ? all : 1)
/** The connection manager reports the end, so that no transfer waits for the timeout. */
const TOLD = { code: 'ERR_DYAD_TRANSFER', message: /the peer (ended|broke) the connection/ }

/** Kills a consumer that fetches. Resolves with true if a fetch was under way. */
async function killMidway(consumer: PeerProcess, wanted: Wanted): Promise<boolean> {
  const fetches = [1, 2, 3].map(() => failureOf(consumer.ask('fetch', { ...wanted })))
  await consumer.ask('hold', { ...wanted })
  await consumer.kill()
  return (await Promise.all(fetches)).some((failure) => failure !== undefined)
}

test('an owner that is killed midway fails its transfers at once, and a new one serves over the same transport', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', SIZE)
  const small = storage.write('small', 40)
  await using transport = rdmaTransport({ token: 'secret' })
  const owner = await OwnerProcess.serve(t, storage.path)
  const midway = await Promise.all(
    [1, 2, 3].map(async () => {
      const chunks = (await transport.fetch(owner.address, version))[Symbol.asyncIterator]()
      await chunks.next()
      return chunks
    }),
  )

  const failures = midway.map((chunks) => failureOf(digestOf({ [Symbol.asyncIterator]: () => chunks })))
  const killed = performance.now()
  await owner.kill()
  for (const failure of await Promise.all(failures)) t.match(failure, TOLD)
  t.ok(performance.now() - killed < BOUND_MS)
  await t.rejects(transport.fetch(owner.address, small.version), { code: 'ERR_DYAD_OWNER_UNREACHABLE' })

  const next = await OwnerProcess.serve(t, storage.path)
  t.not(next.address, owner.address)
  t.equal(await digestOf(await transport.fetch(next.address, version)), digest)
  t.equal(await digestOf(await transport.fetch(next.address, small.version)), small.digest)
})

test('consumers that are killed midway take nothing with them from their owner', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', SIZE)
  const owner = await OwnerProcess.serve(t, storage.path)
  const wanted = { address: owner.address, version }
  const before = resources('qp', owner.pid)

  for (let round = 0; round < roundsOf(5); round++) {
    const consumers = [new PeerProcess(t, 'consumer'), new PeerProcess(t, 'consumer')]
    await Promise.all(
      consumers.map(async (consumer) => {
        t.ok(await killMidway(consumer, wanted), 'killed while it was written to')
      }),
    )
    await owner.idle()
  }
  t.match(await owner.counts(), { open: 0 })
  t.equal(resources('qp', owner.pid), before)
  const registered = registeredBytes(owner.pid)
  t.ok(
    registered > 0 && registered <= MAX_SLAB_BYTES,
    `${registered} bytes registered: what is lent again, and no connection's`,
  )

  // Each transfer takes a part of the free memory. It can take all only if all is free.
  await using transport = rdmaTransport({ token: 'secret' })
  const digests = await Promise.all(
    Array.from({ length: 16 }, async () =>
      digestOf(await transport.fetch(owner.address, { ...version, end: 4 * MIB })),
    ),
  )
  t.equal(new Set(digests).size, 1)
  t.equal(await digestOf(await transport.fetch(owner.address, version)), digest)
})

test('all memory that was lent for their transfers is given back', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', SIZE)
  const lent = new Set<Slab>()
  let loans = 0
  const { acquire } = Slabs.prototype
  t.intercept(Slabs.prototype, 'acquire', {
    async value(this: Slabs, ...wanted: Parameters<typeof acquire>) {
      const slab = await acquire.apply(this, wanted)
      lent.add(slab)
      loans++
      const release = () => {
        lent.delete(slab)
        slab.release()
      }
      return { ...slab, release }
    },
  })
  await using transport = rdmaTransport({ token: 'secret' })
  // The source shows no descriptors, so that the owner reads the bytes before it sends them.
  const source = new CountingSource(await ManagedSource.open([storage.path]))
  await using server = await transport.serve(source)
  const wanted = { address: server.address, version }

  for (let round = 0; round < roundsOf(2); round++) {
    const consumers = [new PeerProcess(t, 'consumer'), new PeerProcess(t, 'consumer')]
    await Promise.all(
      consumers.map(async (consumer) => {
        t.ok(await killMidway(consumer, wanted), 'killed while it was written to')
      }),
    )
    // A held file is open until the connection is lost, and with it all posted requests.
    await source.idle()
    t.equal(lent.size, 0, `of ${loans} loans`)
  }
  t.ok(loans > 0)
  t.equal(await digestOf(await transport.fetch(server.address, version)), digest)
})

test('nor do pages of a file stay registered that were sent to one', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', SIZE)
  // The source shows its descriptors, as that of a service does.
  const owner = new PeerProcess(t, 'consumer')
  const address = await owner.ask<string>('serve', { storage: storage.path })
  const before = registeredBytes(owner.pid)
  const wanted = { address, version }
  for (let round = 0; round < roundsOf(3); round++) {
    const consumer = new PeerProcess(t, 'consumer')
    t.ok(await killMidway(consumer, wanted), 'killed while it was written to')
  }
  // The kernel has no event for this.
  while (registeredBytes(owner.pid) > before) await delay(100)
  t.equal(registeredBytes(owner.pid), before)
  await using transport = rdmaTransport({ token: 'secret' })
  t.equal(await digestOf(await transport.fetch(address, version)), digest)
})
