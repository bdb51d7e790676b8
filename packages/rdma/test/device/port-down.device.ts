import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { HostReport } from '../../src/index.js'
import { Storage } from '../support/files.js'
import { OwnerProcess } from '../support/owner.js'
import { PeerProcess } from '../support/peer-process.js'

const SIZE = 24 * 1024 * 1024
/** Time in which the device must notice. It gives up a packet without an answer after 4.4 s. */
const BOUND_MS = 15_000

const card = readFileSync('/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs/0', 'utf8').trim()
const setPort = (state: 'down' | 'up') => execFileSync('ip', ['link', 'set', card, state])

/** Makes the device anew. No process may have it open. */
function renew(): void {
  execFileSync('rdma', ['link', 'delete', 'rxe0'])
  execFileSync('rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', card])
}

test('a port that goes down midway ends its transfers, and serves again once it is up', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('big', SIZE)
  t.teardown(() => setPort('up'))
  const begin = async () => {
    const owner = await OwnerProcess.serve(t, storage.path)
    const consumer = new PeerProcess(t, 'consumer')
    const wanted = { address: owner.address, version }
    await consumer.ask('hold', wanted)
    return { owner, consumer, wanted }
  }

  const { owner, consumer, wanted } = await begin()
  await t.test('down and up', async (t) => {
    for (let round = 0; round < 3; round++) {
      const fetching = consumer.ask('fetch', wanted)
      fetching.catch(() => {})
      // A goodbye while the port is down breaks Soft-RoCE for all: the kernel's own queue pair for
      // such messages stays in its error state.
      for (const { child } of [owner, consumer]) child.kill('SIGSTOP')
      setPort('down')
      setPort('up')
      for (const { child } of [owner, consumer]) child.kill('SIGCONT')
      await fetching.then(
        (fetched) => t.equal(fetched, digest, 'it had come whole already, or went on'),
        (error) => t.match(error, { code: 'ERR_DYAD_TRANSFER' }),
      )
      t.equal(await consumer.ask('fetch', wanted), digest, 'the same owner serves on')
    }
  })

  await t.test('down', async (t) => {
    const rest = consumer.ask('rest')
    const down = performance.now()
    setPort('down')
    await t.rejects(rest, { code: 'ERR_DYAD_TRANSFER' })
    t.ok(performance.now() - down < BOUND_MS)
    await owner.idle()
    t.match(await owner.counts(), { open: 0 }, 'the owner has noticed as well')
    const { findings } = await consumer.ask<HostReport>('report')
    t.same(
      findings.map(({ what }) => what),
      ['no verbs device has an IP address', 'port 1 of rxe0 is down'],
    )
    await t.rejects(consumer.ask('fetch', wanted), { code: 'ERR_DYAD_OWNER_UNREACHABLE' })
  })

  await Promise.all([owner.kill(), consumer.kill()])
  setPort('up')
  renew()
  const next = await begin()
  t.equal(await next.consumer.ask('fetch', next.wanted), digest, 'a device that was made anew serves')
})
