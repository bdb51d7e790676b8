// A service leaves out a transport that it finds of no use only while it begins to serve, unless it is the one that was asked for.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type StartOptions, start } from 'dyad'
import { type Test, test } from 'tap'

/** A node with the store, at an address of this host. */
function optionsOf(t: Test, host: string, dtlMode: string): StartOptions {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-required-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
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
  for (const dtlMode of ['auto', 'rdma', 'tcp', 'UCX']) {
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
  for (const dtlMode of ['auto', 'rdma']) {
    const options = optionsOf(t, '10.99.0.1', dtlMode)
    const [tlsKey, tlsCert] = ['key.pem', 'cert.pem'].map((name) => join(options.stateDir as string, '..', name))
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...([
        '-subj',
        '/CN=dyad',
        '-addext',
        'subjectAltName=IP:10.99.0.1',
        '-keyout',
        tlsKey,
        '-out',
        tlsCert,
      ] as string[]),
    ])
    await using node = await start({ ...options, kvs: 'wss://10.99.0.1:0', tlsKey, tlsCert, tlsCa: tlsCert })
    const isAsked = dtlMode === 'rdma'
    t.equal(
      node.status.transports.some(({ name }) => name === 'rdma'),
      isAsked,
    )
    t.match(node.status.unavailable, isAsked ? [] : [{ transport: 'rdma', reason: /certificate.*DYAD_DTL_MODE=rdma/ }])
  }
})
