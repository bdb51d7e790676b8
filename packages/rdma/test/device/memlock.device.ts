import { createReadStream } from 'node:fs'
import { test } from 'tap'
import { type HostReport, rdmaTransport } from '../../src/index.js'
import { digestOf, Storage } from '../support/files.js'
import { OwnerProcess } from '../support/owner.js'
import { PeerProcess } from '../support/peer-process.js'

const MIB = 1024 * 1024
const LIMIT = 8 * MIB
/** Enough for the slabs and one stretch of a file, but not for two. */
const NARROW_LIMIT = 22 * MIB
const SIZE = 50 * MIB + 3
/** Returns a command that runs a program with a limit of locked memory, as a user's program has. */
const limited = (bytes: number) => ['setpriv', '--bounding-set', '-ipc_lock', 'prlimit', `--memlock=${bytes}`]
/** The error names what failed, the limit, and what to do. */
const REFUSED = {
  code: 'ERR_DYAD_RDMA_UNAVAILABLE',
  message: new RegExp(`ibv_reg_mr.*RLIMIT_MEMLOCK is ${LIMIT} bytes.*ulimit -l.*limits\\.conf.*LimitMEMLOCK`),
}

test('an error says that too little memory can be locked, and what to do', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', 100_000)
  const owner = await OwnerProcess.serve(t, storage.path)
  const wanted = { address: owner.address, version }
  const consumer = new PeerProcess(t, 'consumer', limited(LIMIT))

  t.equal(await consumer.ask('unavailable'), undefined, 'nobody knows before somebody tries')
  await t.rejects(consumer.ask('fetch', wanted), REFUSED)
  t.match(await consumer.ask('unavailable'), REFUSED.message, 'then it is known')
  await t.rejects(consumer.ask('fetch', wanted), REFUSED, 'and not tried for each file')
  await t.rejects(consumer.ask('serve', { storage: storage.path }), REFUSED)

  await consumer.ask('use', { token: 'secret' })
  await t.rejects(consumer.ask('serve', { storage: storage.path }), REFUSED, 'a service is told at its start')

  const report = await consumer.ask<HostReport>('report')
  t.match(report, { isUsable: false, lockedMemory: LIMIT })
  t.match(
    report.findings.filter(({ isFatal }) => isFatal),
    [{ what: new RegExp(`may lock ${LIMIT} bytes`), remedy: /ulimit -l/ }],
  )

  await using transport = rdmaTransport({ token: 'secret' })
  t.equal(await digestOf(await transport.fetch(owner.address, version)), digest, 'others go on')
})

test('where memory for one stretch of a file can be locked and not for two, all of it arrives', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', SIZE)
  const owner = await OwnerProcess.serve(t, storage.path)
  const consumer = new PeerProcess(t, 'consumer', limited(NARROW_LIMIT))
  const into = `${new Storage(t).path}/file`
  const steps = await consumer.ask<number[]>('receive', { address: owner.address, version, into })
  t.equal(
    steps.reduce((sum, length) => sum + length, 0),
    SIZE,
  )
  // Stretches arrive in steps of 4 MiB, slabs in quarters.
  t.ok(steps.includes(4 * MIB), `some of it in stretches: ${steps}`)
  t.ok(steps.slice(5).includes(2 * MIB), 'and some not')
  t.equal(await digestOf(createReadStream(into)), digest)
})
