import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DyadError, type Transport } from '@dyad-ts/core'
import { decodeNodeEntry, encodeNodeEntry } from '@dyad-ts/core/internal'
import { type BrokerClient, brokerKvs, startBroker } from '@dyad-ts/kvs-client'
import { localTransport, rpcTransport } from '@dyad-ts/transport'
import t from 'tap'
import { messageFrom } from '../../../test/harness/child.js'
import { storeOfOtherVersion } from '../../../test/harness/other-version.js'
import { Service } from '../src/index.js'
import { Fixture, kill } from './fixture.js'

const OTHER = 54_321
const skip = process.getuid?.() !== 0 && 'only root can give files to others'
/** Longer than the patience of the test runner. */
const LONG_LEASE_MS = 3_600_000

t.test('a service registers its node, and takes it out when it closes', async (t) => {
  await using fixture = await Fixture.make()
  const transports: Transport[] = [localTransport({ stateDir: fixture.at('state') }), rpcTransport({})]
  const options = { node: 'n1', directories: [fixture.at('a/b'), fixture.at('c')], kvs: fixture.kvs, transports }
  const service = await Service.start({ ...options, leaseTtl: 60_000 })
  t.ok((await stat(fixture.at('a/b'))).isDirectory(), 'a missing directory is made')
  const entry = await fixture.kvs.registry.get('n1')
  if (entry === undefined) throw new Error('not registered')
  t.same(decodeNodeEntry(entry), service.entry)
  t.match(service.entry, { node: 'n1', host: hostname(), pid: process.pid, directories: options.directories })
  t.same(
    service.entry.transports.map(({ name }) => name),
    ['local', 'rpc'],
  )
  await service.close()
  await service.close()
  t.equal(await fixture.kvs.registry.get('n1'), undefined)
  await Promise.all(transports.map((transport) => transport.close()))
})

t.test('a service serves no directory that another user made where everybody may write', { skip }, async (t) => {
  await using fixture = await Fixture.make()
  await mkdir(fixture.at('open/theirs'), { recursive: true })
  await chmod(fixture.at('open'), 0o1777)
  await chown(fixture.at('open/theirs'), OTHER, OTHER)
  for (const way of ['open/theirs', 'open/theirs/new']) {
    const directories = [fixture.at('ours'), fixture.at(way)]
    await t.rejects(
      Service.start({ node: 'n1', directories, kvs: fixture.kvs, transports: [], leaseTtl: 60_000 }),
      { code: 'ERR_DYAD_OPTION', path: fixture.at(way), message: /was made by user 54321/ },
      way,
    )
  }
  t.equal(await fixture.kvs.registry.get('n1'), undefined)
  await t.rejects(stat(fixture.at('open/theirs/new')), { code: 'ENOENT' }, 'nothing is made there')
})

t.test('a service that cannot start leaves nothing behind', async (t) => {
  await using fixture = await Fixture.make()
  await writeFile(fixture.at('file'), '')
  let closed = 0
  const local = localTransport({ stateDir: fixture.at('state') })
  const counted: Transport = {
    ...local,
    name: 'counted',
    obstacle: () => Promise.resolve('nobody knows'),
    fetch: (...request) => local.fetch(...request),
    close: () => local.close(),
    [Symbol.asyncDispose]: () => local.close(),
    async serve(source) {
      const server = await local.serve(source)
      const close = async () => {
        closed++
        await server.close()
      }
      return { address: server.address, close, [Symbol.asyncDispose]: close }
    },
  }
  const options = { node: 'n1', kvs: fixture.kvs, leaseTtl: 60_000 }
  const noDirectory = Service.start({ ...options, transports: [counted], directories: [fixture.at('file')] })
  await t.rejects(noDirectory, { code: 'ERR_DYAD_SYSTEM', node: 'n1' })
  const refusing: Transport = { ...counted, name: 'refusing', serve: () => Promise.reject(new Error('refused')) }
  await t.rejects(Service.start({ ...options, directories: [], transports: [counted, refusing] }), {
    message: 'refused',
  })
  t.equal(closed, 1, 'what was begun is ended')
  t.equal(await fixture.kvs.registry.get('n1'), undefined)
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  const aborted = Service.start({ ...options, directories: [], transports: [counted], signal: abort.signal })
  await t.rejects(aborted, { message: 'enough' })
  t.equal(closed, 2)
})

t.test('a transport that the host cannot use is left out, unless it is required', async (t) => {
  await using fixture = await Fixture.make()
  await using local = localTransport({ stateDir: fixture.at('state') })
  const none = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })
  const close = async () => {}
  const unavailable: Transport = {
    name: 'rdma',
    unavailable: none,
    serve: () => Promise.reject(none),
    obstacle: () => Promise.resolve(undefined),
    fetch: () => Promise.reject(none),
    close,
    [Symbol.asyncDispose]: close,
  }
  const options = {
    node: 'n1',
    directories: [],
    kvs: fixture.kvs,
    transports: [unavailable, local],
    leaseTtl: 60_000,
  }
  await t.rejects(Service.start({ ...options, required: 'rdma' }), none)
  t.equal(await fixture.kvs.registry.get('n1'), undefined)
  await using service = await Service.start({ ...options, required: 'local' })
  t.same(
    service.entry.transports.map(({ name }) => name),
    ['local'],
  )
  t.same(service.unavailable, [{ transport: 'rdma', reason: none.message }])
})

t.test('the lease of a service that was killed expires', async (t) => {
  await using fixture = await Fixture.make()
  const child = await fixture.service('n1', 300)
  // On a busy machine so short a lease may end, and the service registers again.
  t.ok(await fixture.kvs.registry.waitFor('n1'), 'it is registered')
  await kill(child)
  // The store does not report expiry, so the test asks until the node is gone. Its own limit ends a
  // wait in vain.
  while ((await fixture.kvs.registry.get('n1')) !== undefined);
  t.pass('it is gone')
})

t.test('a service is refused a node that another serves, and told which', async (t) => {
  await using fixture = await Fixture.make()
  const holder = await fixture.service('n1', 60_000)
  const options = {
    node: 'n1',
    directories: [],
    transports: [localTransport({ stateDir: fixture.at('state') })],
    kvs: fixture.kvs,
    leaseTtl: 60_000,
  }
  for (let i = 0; i < 2; i++) {
    const error = await Service.start(options).catch((error: unknown) => error)
    t.match(error, { code: 'ERR_DYAD_NODE_TAKEN', node: 'n1' })
    const { message } = error as Error
    t.match(message, `process ${holder.pid} on host '${hostname()}' has served it since 2`)
    t.match(message, '--takeover')
  }
  t.equal(holder.exitCode, null)
})

t.test('a node that another service takes over is lost', async (t) => {
  await using fixture = await Fixture.make()
  const options = {
    node: 'n1',
    directories: [],
    transports: [localTransport({ stateDir: fixture.at('state') })],
    leaseTtl: 60_000,
  }
  const first = await Service.start({ ...options, kvs: fixture.kvs })
  const lost = new Promise((resolve) => first.lost.addEventListener('abort', resolve))
  const kvs = brokerKvs({ url: fixture.broker.url() })
  const second = await Service.start({ ...options, kvs, takeover: true })
  await lost
  t.match(first.lost.reason, { code: 'ERR_DYAD_NODE_TAKEN', node: 'n1' })
  t.match((first.lost.reason as Error).message, `process ${process.pid} on host`)
  t.notOk(second.lost.aborted)
  await first.close()
  t.ok(await kvs.registry.get('n1'), 'the loser does not take out the winner')
  await second.close()
  t.equal(await kvs.registry.get('n1'), undefined)
  await kvs.close()
})

t.test('a service that loses its node for another reason is told that reason', async (t) => {
  const broker = await startBroker()
  const kvs = brokerKvs({ url: broker.url() })
  const service = await Service.start({ node: 'n1', directories: [], transports: [], leaseTtl: 60_000, kvs })
  const lost = once(service.lost, 'abort')
  await broker.close()
  await using _other = await storeOfOtherVersion(broker.port)
  await lost
  t.match(service.lost.reason, { code: 'ERR_DYAD_PROTOCOL' })
  await service.close()
  await kvs.close()
})

t.test('a service that was killed is followed at once on its host, long before its lease ends', async (t) => {
  await using fixture = await Fixture.make()
  for (let i = 0; i < 2; i++) await kill(await fixture.service('n1', LONG_LEASE_MS))
  const transports = [localTransport({ stateDir: fixture.at('state') })]
  await using next = await Service.start({
    node: 'n1',
    directories: [],
    transports,
    kvs: fixture.kvs,
    leaseTtl: LONG_LEASE_MS,
    onWaiting: () => t.fail('nothing to wait for'),
  })
  t.equal(next.lost.aborted, false)
})

t.test('of several that follow a killed service at once, one gets its node, and keeps it', async (t) => {
  await using fixture = await Fixture.make()
  for (let round = 0; round < 5; round++) {
    const node = `n${round}`
    await kill(await fixture.service(node, LONG_LEASE_MS))
    const clients = [1, 2, 3].map(() => brokerKvs({ url: fixture.broker.url() }))
    seeTogether(clients)
    const starts = await Promise.allSettled(
      clients.map((kvs) => Service.start({ node, directories: [], transports: [], kvs, leaseTtl: LONG_LEASE_MS })),
    )
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    for (const { reason } of starts.filter((start) => start.status === 'rejected')) {
      t.match(reason, { code: 'ERR_DYAD_NODE_TAKEN', node })
    }
    t.equal(started.length, 1)
    t.notOk(started[0]?.lost.aborted)
    for (const thing of [...started, ...clients]) await thing.close()
  }
})

/** Holds the clients' first answers from the registry until all of them have asked. */
function seeTogether(clients: readonly BrokerClient[]): void {
  let asked = 0
  const all = new EventEmitter()
  for (const { registry } of clients) {
    const get = registry.get.bind(registry)
    registry.get = async (...args) => {
      const found = await get(...args)
      if (++asked < clients.length) await once(all, 'asked')
      all.emit('asked')
      return found
    }
  }
}

t.test('a service that another host had is followed when its lease ends, and the wait is told', async (t) => {
  await using fixture = await Fixture.make()
  // Its process ran in another set of process ids, so this process cannot tell that it has ended.
  const [kvs, dying] = [fixture.kvs, fixture.service('n1', 3_000)]
  const child = await dying
  const foreign = {
    ...decodeNodeEntry(await kvs.registry.waitFor('n1')),
    processes: 'those of another kernel',
    host: 'elsewhere',
  }
  await kill(child)
  const stranger = forkRegistering(fixture.broker.url(), encodeNodeEntry(foreign), 5_000)
  await messageFrom(stranger)
  await kill(stranger)
  const told: unknown[] = []
  const options = {
    node: 'n1',
    directories: [],
    transports: [localTransport({ stateDir: fixture.at('state') })],
    kvs,
    leaseTtl: 60_000,
  }
  const refused = new Error('it may not wait')
  const refuse = () => {
    throw refused
  }
  await t.rejects(Service.start({ ...options, onWaiting: refuse }), refused, 'what the caller throws ends the start')
  await using next = await Service.start({ ...options, onWaiting: (silent) => told.push(silent) })
  t.match(told, [{ holder: { host: 'elsewhere', pid: foreign.pid }, ms: Number }])
  t.equal(next.lost.aborted, false)
})

/** A process that registers these bytes for node n1 by taking it over. */
function forkRegistering(url: string, value: Uint8Array, ttl: number): ChildProcess {
  const script = fileURLToPath(new URL('peers/register.ts', import.meta.url))
  return fork(script, [url, Buffer.from(value).toString('base64'), String(ttl)], { execArgv: ['--import=tsx'] })
}
