import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DyadError, ManagedSource } from '@dyad-ts/core'
import { unavailableConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { rdmaTransport, reportHost } from '../src/index.js'

const DEVICES = '/sys/class/infiniband'
const hasDevice = existsSync(DEVICES) && readdirSync(DEVICES).length > 0
const ADDRESS = JSON.stringify({ v: 1, ends: [{ host: '192.0.2.1', port: 4000 }] })
const REQUEST = { storage: '/tmp', path: 'file', size: 1, mtimeNs: 0n }

if (hasDevice) {
  test('with a device there is nothing to say', async (t) => {
    t.equal(rdmaTransport().unavailable, undefined)
  })
} else {
  unavailableConformance(test, { create: () => rdmaTransport({ token: 'secret' }) })

  test('without a device, everything says why', async (t) => {
    await using transport = rdmaTransport({ token: 'secret' })
    const { unavailable } = transport
    t.type(unavailable, DyadError)
    t.equal(unavailable?.code, 'ERR_DYAD_RDMA_UNAVAILABLE')
    t.match(unavailable?.message, /dyad doctor/, 'it names what tells more')
    t.match(unavailable?.detail, /libibverbs|librdmacm|koffi|verbs device/, 'it names what is missing')
    t.ok(unavailable?.cause, 'it has its cause')
    t.equal(transport.unavailable, unavailable, 'it is found out once')
    const source = await ManagedSource.open([await mkdtemp(join(tmpdir(), 'dyad-rdma-'))])
    await t.rejects(transport.serve(source), { code: 'ERR_DYAD_RDMA_UNAVAILABLE', detail: unavailable?.detail })
    await t.rejects(transport.fetch(ADDRESS, REQUEST), { code: 'ERR_DYAD_RDMA_UNAVAILABLE' })
    t.equal(await transport.obstacle(ADDRESS, '/tmp'), unavailable?.detail)
    await transport.close()
    await t.rejects(transport.fetch(ADDRESS, REQUEST), { code: 'ERR_DYAD_CLOSED' })
  })

  test('a report names what is missing and what to do', async (t) => {
    const report = reportHost()
    t.equal(report.isUsable, false)
    t.same(report.devices, [])
    t.same(report.addresses, [])
    const fatal = report.findings.filter(({ isFatal }) => isFatal)
    t.ok(fatal.length > 0)
    for (const { what, remedy } of fatal) {
      t.match(what, /\S/)
      t.match(remedy, /install|modprobe|check|chmod|ulimit/)
    }
  })
}

test('an address that is none is no device’s fault', async (t) => {
  await using transport = rdmaTransport()
  for (const address of ['', 'nonsense', '{"v":1,"ends":[]}', '{"v":1,"ends":[{"host":"name","port":1}]}', '{"v":2}']) {
    t.equal(await transport.obstacle(address, '/tmp'), 'its address is of no use here', address)
    if (hasDevice) await t.rejects(transport.fetch(address, REQUEST), { code: 'ERR_DYAD_PROTOCOL' }, address)
  }
})
