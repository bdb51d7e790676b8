import { readdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { decodeNodeEntry, encodeNodeEntry } from '@dyad-ts/core/internal'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { openControl } from '@dyad-ts/service'
import t from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { start } from '../../src/index.js'
import { firstLine, Sandbox, says } from './command.js'

/**
 * The reason why a service at loopback does not offer rdma: no device, or none with that address.
 */
const RDMA_LEFT_OUT =
  /^(dyad: ERR_DYAD_RDMA_UNAVAILABLE: )?RDMA verbs cannot be used here: on host '.+' \(.+\)\. `dyad doctor` shows/

t.test('nodes in the background are shown and stopped', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const { stdout, code } = await sandbox.run(['status', '--json'])
  t.equal(code, 0)
  const status = JSON.parse(stdout)
  t.same(status.services.map(({ node }: { node: string }) => node).sort(), ['n1', 'n2'])
  t.match(
    status.services,
    [1, 2].map(() => ({ unavailable: [{ transport: 'rdma', reason: RDMA_LEFT_OUT }] })),
    'each tells what it does not offer, and why',
  )
  t.same(
    status.services.map(({ unavailable }: { unavailable: unknown[] }) => unavailable.length),
    [1, 1],
    'and offers everything else',
  )
  t.same(status.store.namespaces, ['test'], 'start --broker made the namespace that was named')
  t.equal(status.store.durable, false)
  t.match(status.store.nodes, [
    {
      node: 'n1',
      alive: true,
      directories: [sandbox.at('n1')],
      transports: [
        { transport: 'local', isUsed: true },
        { transport: 'rdma', isUsed: false, reason: 'the owner does not offer it' },
        { transport: 'tcp', isUsed: false },
        { transport: 'rpc', isUsed: false },
      ],
    },
    { node: 'n2', alive: true },
  ])
  const overRpc = JSON.parse((await sandbox.run(['status', '--json', '--dtl-mode', 'rpc'])).stdout)
  t.match(overRpc.store.nodes[0].transports, [
    { transport: 'local', isUsed: false, reason: 'DYAD_DTL_MODE is rpc' },
    { transport: 'rdma', isUsed: false, reason: 'DYAD_DTL_MODE is rpc' },
    { transport: 'tcp', isUsed: false, reason: 'DYAD_DTL_MODE is rpc' },
    { transport: 'rpc', isUsed: true },
  ])
  const plain = (await sandbox.run(['status'])).stdout
  t.match(plain, /would use local: the best that both sides have/)
  t.match(plain, /\n {4}not offered rdma: RDMA verbs cannot be used here: on host '.+' \(.+\)\. `dyad doctor` shows/)
  t.notMatch(plain, '\u001b', 'no colours off a terminal')

  const again = await sandbox.run(['start', '--node', 'n1'])
  t.equal(again.code, 9)
  t.match(again.stderr, /^dyad: ERR_DYAD_NODE_TAKEN: /)
  const detached = await sandbox.run(['start', '-d', '--node', 'n1'])
  t.equal(detached.code, 9, 'the same in the background')
  t.match(detached.stderr, /^dyad: ERR_DYAD_NODE_TAKEN: /)

  const { pid } = status.services.find(({ node }: { node: string }) => node === 'n2')
  t.same(await sandbox.run(['stop', '--node', 'n2']), { code: 0, stdout: 'n2\n', stderr: '' })
  t.equal(
    JSON.parse((await sandbox.run(['status', '--json'])).stdout).store.nodes.length,
    1,
    'it is registered no more',
  )
  t.equal((await sandbox.run(['stop', '--node', 'n2'])).code, 3, 'there is none to stop')
  t.same(JSON.parse((await sandbox.run(['stop', '--all', '--json'])).stdout), { ended: ['n1'], failures: [] })
  t.type(pid, 'number')
  t.same(
    (await readdir(sandbox.at('state/services'))).filter((name) => name.endsWith('.sock')),
    [],
  )
  const alone = await sandbox.run(['status', '--kvs-timeout', '200'])
  t.equal(alone.code, 5)
  t.match(alone.stderr, /^waiting for the store .*ECONNREFUSED.* …\ndyad: ERR_DYAD_KVS_UNREACHABLE: /)
})

t.test('UCX means the best that there is, and what is not offered is told', async (t) => {
  await using sandbox = await Sandbox.withNodes({ DYAD_DTL_MODE: 'UCX' })
  t.equal((await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')).code, 0)
  const got = await sandbox.run(['get', 'x', '-'], sandbox.on('n2'))
  t.match(got, { code: 0, stdout: 'x' })
  const { stdout, code } = await sandbox.run(['status'])
  t.equal(code, 0)
  t.equal(
    stdout.match(/not offered rdma: RDMA verbs cannot be used here: on host '.+' \(/g)?.length,
    2,
    'by each service',
  )
  t.equal(stdout.match(/would use local: the best that both sides have/g)?.length, 2)
})

t.test('what a service cannot offer is told where its status is asked for', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const unavailable = [
    { transport: 'rdma', reason: `RDMA verbs cannot be used here: on host 'h' (there is no device).` },
  ]
  const service = { node: 'n3', pid: 1, kvs: 'ws://127.0.0.1:1', unavailable }
  await using _ = await openControl(sandbox.at('state'), 'n3', () => service)
  const { stdout } = await sandbox.run(['status'])
  t.match(
    stdout,
    /\n {2}n3 {2}process 1, [^\n]*\n {4}not offered rdma: RDMA verbs cannot be used here: on host '.+' \(there is no device\)\.\n/,
  )
  t.equal(stdout.match(/not offered/g)?.length, 3, 'of each service')
})

t.test('a node does not start without the transport that was asked for', async (t) => {
  await using sandbox = await Sandbox.make()
  const args = ['start', '--broker', '--node', 'n1', sandbox.at('n1')]
  for (const detached of [[], ['--detach']]) {
    const node = await sandbox.run([...args, ...detached], { DYAD_DTL_MODE: 'rdma' })
    t.match(node, { code: 6, stdout: '' }, detached.join())
    t.match(node.stderr, /^dyad: ERR_DYAD_RDMA_UNAVAILABLE: [^\n]+\. `dyad doctor` shows[^\n]+\n$/)
    t.match(node.stderr, RDMA_LEFT_OUT)
  }
  t.same(
    await readdir(sandbox.at('state/services')).then((names) => names.filter((name) => name.endsWith('.sock'))),
    [],
  )
})

t.test('a node in the foreground ends well on a signal', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    await using sandbox = await Sandbox.make()
    const node = sandbox.spawn(['start', '--broker', '--node', 'n1', sandbox.at('n1')])
    t.match(await firstLine(node), /^ready: node n1 serves \S+ over local, tcp, rpc; store ws:.*hosted here, in memory/)
    node.child.kill(signal)
    t.equal((await node.ended).code, 0, signal)
  }
})

t.test('a node that was killed leaves its place, and records survive in --data', async (t) => {
  await using sandbox = await Sandbox.make()
  const args = ['start', '--json', '--broker', '--data', sandbox.at('data'), '--node', 'n1', sandbox.at('n1')]
  const killed = sandbox.spawn(args)
  const first = JSON.parse(await firstLine(killed))
  sandbox.env['DYAD_KVS'] = first.kvs
  t.equal((await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')).code, 0)
  killed.child.kill('SIGKILL')
  await endOf(killed.child)
  const second = sandbox.spawn(args)
  t.equal(JSON.parse(await firstLine(second)).broker.durable, true)
  t.equal((await sandbox.run(['lookup', 'x'])).code, 0)
  await sandbox.run(['stop', '--node', 'n1'])
  t.equal((await second.ended).code, 0)
})

t.test('a second service of one node name is refused, and ends no store when it takes the node over', async (t) => {
  await using sandbox = await Sandbox.make()
  const first = sandbox.spawn(['start', '--json', '--broker', '--node', 'n1', sandbox.at('n1')])
  const { kvs, pid } = JSON.parse(await firstLine(first))
  sandbox.env['DYAD_KVS'] = kvs
  t.equal((await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')).code, 0)
  // As on a cloned machine, or for another user of this host: the same name, and a state directory
  // of its own.
  const elsewhere = { DYAD_STATE_DIR: sandbox.at('other-state') }
  const args = ['start', '--node', 'n1', sandbox.at('clone')]
  for (const detached of [[], ['--detach']]) {
    const refused = await sandbox.run([...args, ...detached], elsewhere)
    t.match(refused, { code: 9, stdout: '' }, detached.join())
    t.match(refused.stderr, new RegExp(`^dyad: ERR_DYAD_NODE_TAKEN: .*process ${pid} on host .*since 2.*--takeover`))
  }
  const told = says(first, /ERR_DYAD_NODE_TAKEN.*\n.*the store goes on/)
  const second = sandbox.spawn([...args, '--takeover'], elsewhere)
  t.match(await firstLine(second), /^ready: node n1 serves/)
  await told
  t.equal((await sandbox.run(['lookup', 'x'])).code, 0, 'the records are there')
  t.equal((await sandbox.run(['put', '-', 'y'], sandbox.on('n1'), 'y')).code, 0, 'and the store takes more')
  const status = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  t.match(status.services, [{ node: 'n1', pid, lost: `process ${second.child.pid} on host` }])
  t.match(status.store.nodes, [{ node: 'n1', pid: second.child.pid }])
  t.match((await sandbox.run(['status'])).stdout, `its service has ended: the node is another's: process`)
  const third = sandbox.spawn([...args, '--takeover'], { DYAD_STATE_DIR: sandbox.at('third-state') })
  t.match(await firstLine(third), /^ready: node n1 serves/)
  t.match(await second.ended, { code: 9, stderr: / error ERR_DYAD_NODE_TAKEN: / }, 'one that hosts no store ends')
  t.equal((await sandbox.run(['stop', '--node', 'n1'])).code, 0)
  t.equal((await first.ended).code, 0, 'the store ends when it is asked to')
})

t.test(
  'a takeover ends the service of the same user on the same host, unless its process hosts the store',
  async (t) => {
    await using sandbox = await Sandbox.withNodes()
    const refused = await sandbox.run(['start', '-d', '--node', 'n2', sandbox.at('other')])
    t.equal(refused.code, 9)
    t.match(refused.stderr, /ERR_DYAD_NODE_TAKEN/)
    const taken = await sandbox.run(['start', '-d', '--json', '--takeover', '--node', 'n2', sandbox.at('other')])
    t.equal(taken.code, 0, taken.stderr)
    t.match(JSON.parse(taken.stdout), { node: 'n2', directories: [sandbox.at('other')] })
    const hosting = await sandbox.run(['start', '-d', '--takeover', '--node', 'n1', sandbox.at('other')])
    t.equal(hosting.code, 9)
    t.match(hosting.stderr, /ERR_DYAD_NODE_TAKEN.*also hosts the store/)
    t.equal((await sandbox.run(['ls'])).code, 0, 'the store goes on')
  },
)

t.test('a service that was killed starts again unasked', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const status = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  const { pid } = status.services.find(({ node }: { node: string }) => node === 'n2')
  process.kill(pid, 'SIGKILL')
  const again = await sandbox.run(['start', '-d', '--json', '--node', 'n2', sandbox.at('n2')])
  t.equal(again.code, 0, again.stderr)
  t.not(JSON.parse(again.stdout).pid, pid)
})

t.test('a directory for records without a store to keep them is a mistake', async (t) => {
  await using sandbox = await Sandbox.make()
  for (const detached of [[], ['-d']]) {
    const node = await sandbox.run(['start', '--data', sandbox.at('data'), ...detached, sandbox.at('n1')])
    t.match(node, { code: 2, stdout: '', stderr: /^dyad: --data .*--broker/ })
  }
  await t.rejects(start({ data: sandbox.at('data') }), { code: 'ERR_DYAD_OPTION' })
  t.same(await readdir(sandbox.directory), [], 'nothing was begun')
})

t.test('strangers are kept out', async (t) => {
  await using sandbox = await Sandbox.make()
  const wide = await sandbox.run(['start', '--open', '--broker', '--host', '0.0.0.0'])
  t.equal(wide.code, 9)
  t.match(wide.stderr, /^dyad: ERR_DYAD_BIND: /)
  const detached = await sandbox.run(['start', '--open', '-d', '--broker', '--host', '0.0.0.0'])
  t.same({ code: detached.code, stdout: detached.stdout }, { code: 9, stdout: '' })
  t.match(detached.stderr, /^dyad: ERR_DYAD_BIND: /)

  await writeFile(sandbox.at('token'), 'the right token of all\n', { mode: 0o600 })
  const node = await sandbox.run([
    'start',
    '-d',
    '--json',
    '--broker',
    '--node',
    'n1',
    '--token-file',
    sandbox.at('token'),
  ])
  sandbox.env['DYAD_KVS'] = JSON.parse(node.stdout).kvs
  t.equal((await sandbox.run(['ls'], { DYAD_TOKEN: 'the right token of all' })).code, 0)
  for (const env of [{}, { DYAD_TOKEN: 'the wrong token of all' }]) {
    const denied = await sandbox.run(['ls'], env)
    t.equal(denied.code, 7)
    t.match(denied.stderr, /^dyad: ERR_DYAD_DENIED: /)
  }
})

t.test('namespaces are created, listed and removed', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  t.same(await sandbox.run(['namespace', 'create', 'more']), { code: 0, stdout: 'more\n', stderr: '' })
  t.match((await sandbox.run(['namespace', 'create', 'more'])).stderr, /^dyad: ERR_DYAD_NAMESPACE_EXISTS: /)
  t.same(JSON.parse((await sandbox.run(['namespace', 'list', '--json'])).stdout), ['more', 'test'])
  t.same(JSON.parse((await sandbox.run(['namespace', 'remove', 'more', '--json'])).stdout), { namespace: 'more' })
  t.equal((await sandbox.run(['namespace', 'list'])).stdout, 'test\n')
  const missing = await sandbox.run(['put', '-', 'x', '--namespace', 'more'], sandbox.on('n1'), 'x')
  t.equal(missing.code, 3)
  t.match(missing.stderr, /^dyad: ERR_DYAD_NAMESPACE_MISSING: /)
})

t.test('status tells by its process only what it can see: a host of the same name may be another', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await using client = brokerKvs({ url: String(sandbox.env['DYAD_KVS']), token: sandbox.token })
  const registered = decodeNodeEntry(await client.registry.waitFor('n2'))
  t.equal(registered.host, hostname())
  // One belongs to a clone of this host, the other to a killed process of this host.
  const entries = [
    { ...registered, node: 'clone', processes: 'another boot', pid: 2 ** 31 - 1 },
    { ...registered, node: 'dead', pid: 2 ** 31 - 1 },
  ]
  for (const entry of entries) await client.register(entry.node, encodeNodeEntry(entry), { ttl: 60_000 })
  const { store } = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  t.match(store.nodes, [
    { node: 'clone', alive: true, evidence: 'its lease holds' },
    { node: 'dead', alive: false, evidence: 'its process is gone; its lease expires soon' },
    { node: 'n1', alive: true, evidence: 'its process runs' },
    { node: 'n2', alive: true, evidence: 'its process runs' },
  ])
})
