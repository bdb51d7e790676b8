// A service leaves out a transport that it finds of no use only while it begins to serve, unless it
// is the one that was asked for.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DtlMode, type StartOptions, start } from '@dyad-ts/dyad'
import { type Test, test } from 'tap'
import { makeCertificate } from '../harness/certificate.js'

/** A directory that is gone with the test. */
function directoryOf(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-required-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A node with the store, at an address of this host. */
function optionsOf(t: Test, host: string, dtlMode: DtlMode): StartOptions {
  const directory = directoryOf(t)
  return {
    node: 'A',
    host,
    dtlMode,
    kvs: `ws://${host}:0`,
    token: 'secret',
    broker: true,
    stateDir: join(directory, 'state'),
    directories: [join(directory, 'a')],
  }
}

test('at loopback rdma is left out, and why is told', async (t) => {
  await using node = await start(optionsOf(t, '127.0.0.1', 'auto'))
  t.strictSame(
    node.status.transports.map(({ name }) => name),
    ['local', 'tcp', 'rpc'],
  )
  t.match(node.status.unavailable, [
    { transport: 'rdma', reason: /127\.0\.0\.1, and verbs devices have .*10\.99\.0\.1/ },
  ])
})

test('at loopback there is no node that must offer rdma', async (t) => {
  await t.rejects(start(optionsOf(t, '127.0.0.1', 'rdma')), {
    code: 'ERR_DYAD_RDMA_UNAVAILABLE',
    message: /set DYAD_HOST/,
  })
})

test('at an address of the device it is offered, asked for or not', async (t) => {
  for (const dtlMode of ['auto', 'rdma', 'tcp', 'UCX'] as const) {
    await using node = await start(optionsOf(t, '10.99.0.1', dtlMode))
    t.strictSame(
      node.status.transports.map(({ name }) => name),
      ['local', 'rdma', 'tcp', 'rpc'],
      dtlMode,
    )
    t.strictSame(node.status.unavailable, [])
  }
})

test('with a certificate it is offered only if asked for', async (t) => {
  const certificate = makeCertificate(directoryOf(t), '10.99.0.1')
  const secured = { ...certificate, kvs: 'wss://10.99.0.1:0', tlsCa: certificate.tlsCert }
  await t.test('not asked for', async (t) => {
    await using node = await start({ ...optionsOf(t, '10.99.0.1', 'auto'), ...secured })
    t.notOk(node.status.transports.some(({ name }) => name === 'rdma'))
    t.match(node.status.unavailable, [{ transport: 'rdma', reason: /certificate.*DYAD_DTL_MODE=rdma/ }])
  })
  await t.test('asked for', async (t) => {
    await using node = await start({ ...optionsOf(t, '10.99.0.1', 'rdma'), ...secured })
    t.ok(node.status.transports.some(({ name }) => name === 'rdma'))
    t.strictSame(node.status.unavailable, [])
  })
})
