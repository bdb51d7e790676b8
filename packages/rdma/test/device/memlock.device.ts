import { test } from 'tap'
import { type HostReport, rdmaTransport } from '../../src/index.js'
import { digestOf, Storage } from '../support/files.js'
import { OwnerProcess } from '../support/owner.js'
import { PeerProcess } from '../support/peer-process.js'

const LIMIT = 8 * 1024 * 1024
/** Runs a program that may not lock more memory than LIMIT, as one of a user may not. */
const LIMITED = ['setpriv', '--bounding-set', '-ipc_lock', 'prlimit', `--memlock=${LIMIT}`]
/** What failed, the limit, and what to do. */
const REFUSED = {
  code: 'ERR_DYAD_RDMA_UNAVAILABLE',
  message: new RegExp(`ibv_reg_mr.*RLIMIT_MEMLOCK is ${LIMIT} bytes.*ulimit -l.*limits\\.conf.*LimitMEMLOCK`),
}

test('who may not lock enough memory is told so, and what to do', async (t) => {
  const storage = new Storage(t)
  const { version, digest } = storage.write('file', 100_000)
  const owner = await OwnerProcess.serve(t, storage.path)
  const wanted = { address: owner.address, version }
  const limited = new PeerProcess(t, 'consumer', LIMITED)

  t.equal(await limited.ask('unavailable'), undefined, 'nobody knows before somebody tries')
  await t.rejects(limited.ask('fetch', wanted), REFUSED)
  t.match(await limited.ask('unavailable'), REFUSED.message, 'then it is known')
  await t.rejects(limited.ask('fetch', wanted), REFUSED, 'and not tried for each file')
  await t.rejects(limited.ask('serve', { storage: storage.path }), REFUSED)

  await limited.ask('use', { token: 'secret' })
  await t.rejects(limited.ask('serve', { storage: storage.path }), REFUSED, 'a service is told at its start')

  const report = await limited.ask<HostReport>('report')
  t.match(report, { isUsable: false, lockedMemory: LIMIT })
  t.match(
    report.findings.filter(({ isFatal }) => isFatal),
    [{ what: new RegExp(`may lock ${LIMIT} bytes`), remedy: /ulimit -l/ }],
  )

  await using transport = rdmaTransport({ token: 'secret' })
  t.equal(await digestOf(await transport.fetch(owner.address, version)), digest, 'others go on')
})
