import { execFile, execFileSync } from 'node:child_process'
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { ErrorCode } from '@dyad-ts/core'
import { ERRORS } from '@dyad-ts/core/internal'
import { brokerKvs } from '@dyad-ts/kvs-client'
import { type Test, test } from 'tap'
import { agentOf, producing } from '../../../test/flows/agent/site.js'
import { CHANGE, named } from '../../../test/harness/agent-client.js'
import { makeCertificate } from '../../../test/harness/certificate.js'
import { Cluster, freePort, TOKEN } from '../../../test/harness/cluster.js'
import { flipBit } from '../../../test/harness/flip.js'
import { storeOfOtherVersion } from '../../../test/harness/other-version.js'
import type { TestProcess } from '../../../test/harness/process.js'
import { putRecord, registerNode, storedKey } from '../../../test/harness/stored.js'
import { COMMAND } from './cli/command.js'

/** More than travels in a record, in bytes. */
const SIZE = 20_000
const HERE = `on host '${hostname()}'`

/** What runs, and how a case makes it fail. */
interface Site {
  readonly t: Test
  readonly cluster: Cluster
  /** A program of node A, which writes; and one of node B, which reads. */
  readonly producer: TestProcess
  readonly consumer: TestProcess
  /** What the command says on stderr, with these variables beside those of the cluster. */
  dyad(args: readonly string[], env?: Record<string, string>): Promise<string>
  /** What a program says of itself, that is started by a shell. */
  shell(line: string, env?: Record<string, string>): Promise<string>
}

/** What a real program said, and what the message must name. */
interface Told {
  readonly message: string
  /** Paths, names, addresses, hosts, nodes. */
  readonly names: readonly string[]
  /** What to do, where that is more than the table says. */
  readonly remedy?: RegExp
}

/** The message of the error that another process answered with. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: Error & { code?: string }) => reason,
  )
  return `${(error as { code?: string }).code}: ${error.message}`
}

const record = (path: string, owner: string, storage: string) => ({
  path,
  owner,
  storage,
  size: SIZE,
  mtimeNs: 1n,
  mode: 0o644,
})

/** Provokes each error. A row without a case does not pass the check of types, nor the test. */
const CASES: Record<ErrorCode, (site: Site) => Promise<Told>> = {
  async ERR_DYAD_OPTION({ cluster, dyad }) {
    const path = cluster.path('no-certificate.pem')
    writeFileSync(path, 'nothing')
    return { message: await dyad(['ls', '--tls-ca', path]), names: ['tlsCa (DYAD_TLS_CA)', `'${path}'`, HERE] }
  },
  async ERR_DYAD_DTL_MODE({ dyad }) {
    return { message: await dyad(['get', 'x'], { DYAD_DTL_MODE: 'rp' }), names: ["'rp'"] }
  },
  async ERR_DYAD_PATH({ dyad, cluster }) {
    return { message: await dyad(['put', cluster.path('source'), 'folder/']), names: ["'folder/'"] }
  },
  async ERR_DYAD_UNTRACKED({ dyad, cluster }) {
    const message = await dyad(['put', cluster.path('source'), '../outside'])
    return { message, names: ["'../outside'", cluster.path('a')] }
  },
  async ERR_DYAD_METADATA({ cluster, dyad }) {
    await using client = cluster.client()
    await client.namespace('flow').put(storedKey('unreadable'), Buffer.from([0xc1]))
    return { message: await dyad(['get', 'unreadable']), names: ["'unreadable'"] }
  },
  async ERR_DYAD_KEY({ cluster }) {
    await using client = cluster.client()
    const message = await failureOf(client.namespace('flow').put('k', Buffer.alloc(2 ** 21)))
    return { message, names: [String(2 ** 21)] }
  },
  async ERR_DYAD_NAMESPACE_MISSING({ cluster, dyad }) {
    const message = await dyad(['lookup', 'x', '--namespace', 'nowhere'])
    return { message, names: ["namespace 'nowhere'", `at the store ${cluster.kvs}`, "for 'x'"] }
  },
  async ERR_DYAD_NAMESPACE_EXISTS({ cluster, dyad }) {
    const message = await dyad(['namespace', 'create', 'flow'])
    return { message, names: ["namespace 'flow'", `at the store ${cluster.kvs}`] }
  },
  async ERR_DYAD_NAMESPACE_NAME({ cluster, dyad }) {
    const message = await dyad(['start', '--node', 'N', '--namespace', 'bad name', cluster.directory('n')])
    return { message, names: ["namespace 'bad name'"] }
  },
  async ERR_DYAD_PUBLISH({ cluster }) {
    writeFileSync(cluster.path('a', 'damaged'), 'a part')
    await using program = await producing(cluster)
    await program.done(CHANGE, named('damaged', 1))
    return { message: await failureOf(program.produce('damaged')), names: ["'damaged'", "on node 'A'"] }
  },
  async ERR_DYAD_NOT_FOUND({ dyad }) {
    return { message: await dyad(['lookup', 'nothing']), names: ["'nothing'"] }
  },
  async ERR_DYAD_TIMEOUT({ consumer }) {
    const message = await failureOf(consumer.ask('consume', 'nothing', { timeout: 300 }))
    return { message, names: ["'nothing'", "namespace 'flow'", '300 ms'] }
  },
  async ERR_DYAD_KVS_UNREACHABLE({ dyad }) {
    const kvs = `ws://127.0.0.1:${await freePort()}`
    const message = await dyad(['lookup', 'x', '--kvs-timeout', '500'], { DYAD_KVS: kvs })
    return { message, names: ["for 'x'", kvs, 'ECONNREFUSED', `from host '${hostname()}'`] }
  },
  async ERR_DYAD_BUSY({ cluster }) {
    await using client = brokerKvs({ url: cluster.kvs, token: TOKEN })
    const watches = Array.from({ length: 1_025 }, () => client.namespace('flow').watch('x')[Symbol.asyncIterator]())
    const message = await failureOf(Promise.race(watches.map((watch) => watch.next())))
    return { message, names: [`at the store ${cluster.kvs}`, '1024'] }
  },
  async ERR_DYAD_OWNER_UNREACHABLE({ cluster, dyad }) {
    await using client = cluster.client()
    await putRecord(client.namespace('flow'), record('stray', 'Z', '/nowhere'))
    const message = await dyad(['get', 'stray', '--owner-timeout', '500'])
    return { message, names: ["'stray'", "on node 'Z'", 'no service has registered that node'] }
  },
  async ERR_DYAD_NO_TRANSPORT({ t, cluster, dyad }) {
    const client = cluster.client()
    t.teardown(() => client.close())
    await registerNode(client, { ...ENTRY, node: 'W', directories: ['/way'], transports: [] })
    await putRecord(client.namespace('flow'), record('no-way', 'W', '/way'))
    return { message: await dyad(['get', 'no-way']), names: ["'no-way'", "on node 'W'"] }
  },
  async ERR_DYAD_RDMA_UNAVAILABLE({ dyad }) {
    return { message: await dyad(['get', 'x', '--dtl-mode', 'rdma']), names: [HERE] }
  },
  async ERR_DYAD_TRANSFER({ t, cluster }) {
    // It accepts every connection, and never answers.
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as { port: number }
    const client = cluster.client()
    t.teardown(() => client.close())
    const transports = [{ name: 'tcp', address: JSON.stringify({ v: 1, url: `tcp://127.0.0.1:${port}` }) }]
    await registerNode(client, { ...ENTRY, node: 'S', directories: ['/silent'], transports })
    await putRecord(client.namespace('flow'), record('cut-off', 'S', '/silent'))
    const consumer = await cluster.consumer({ progressTimeout: 200, ownerTimeout: 1_000 })
    await failureOf(consumer.ask('consume', 'cut-off'))
    // The consumer tries again, and tells in between what broke off. A note leaves out the code.
    const retries = consumer.notes<{ error: Error }>('dyad.transfer.retry')
    const broken = retries.find(({ error }) => error.message.startsWith(ERRORS.ERR_DYAD_TRANSFER.summary))
    return { message: `ERR_DYAD_TRANSFER: ${broken?.error.message}`, names: ["'cut-off'", "on node 'S'"] }
  },
  async ERR_DYAD_CHANGED({ cluster, producer, consumer }) {
    await producer.ask('write', 'changed', SIZE, 1)
    writeFileSync(cluster.path('a', 'changed'), 'something else')
    return { message: await failureOf(consumer.ask('consume', 'changed')), names: ["'changed'", "on node 'A'"] }
  },
  async ERR_DYAD_CORRUPT({ cluster, producer, consumer }) {
    await producer.ask('write', 'corrupt', SIZE, 1)
    flipBit(cluster.path('a', 'corrupt'), 1_000, 3)
    return { message: await failureOf(consumer.ask('consume', 'corrupt')), names: ["'corrupt'", "on node 'A'"] }
  },
  async ERR_DYAD_GONE({ cluster, producer, dyad }) {
    await producer.ask('write', 'gone', SIZE, 1)
    unlinkSync(cluster.path('a', 'gone'))
    return { message: await dyad(['get', 'gone']), names: ["'gone'", "on node 'A'"] }
  },
  async ERR_DYAD_REFUSED({ cluster, dyad }) {
    await using client = cluster.client()
    await putRecord(client.namespace('flow'), record('refused', 'A', '/elsewhere'))
    return { message: await dyad(['get', 'refused']), names: ["'refused'", "on node 'A'", '/elsewhere'] }
  },
  async ERR_DYAD_STORE({ cluster, producer, dyad }) {
    await producer.ask('write', 'folder/file', SIZE, 1)
    writeFileSync(`${cluster.directory('b')}/folder`, 'a file')
    const message = await dyad(['get', 'folder/file'])
    return { message, names: ['folder/file', 'ENOTDIR', HERE], remedy: /A file stands where a directory must be/ }
  },
  async ERR_DYAD_DESCRIPTORS({ producer, shell }) {
    const message = await shell(`ulimit -n 64; exec '${process.execPath}' '${COMMAND}' ls`)
    if (message.includes('ERR_DYAD_DESCRIPTORS')) {
      return { message, names: ['64 files', HERE], remedy: /Raise the limit: `ulimit -n \d+`/ }
    }
    // Newer versions of Node load a module after the other, and the command has enough of them.
    const { pid = 0 } = producer.child
    const limit = (most: number) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`])
    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
    // From the first number on that is free.
    limit([...open, 0].findIndex((_, fd) => !open.has(fd)))
    const failure = await failureOf(producer.ask('write', 'late', SIZE, 1))
    limit(1_024)
    return { message: failure, names: [HERE] }
  },
  async ERR_DYAD_SYSTEM({ cluster, dyad }) {
    const path = cluster.path('source')
    const message = await dyad(['put', cluster.path('source'), 'x', '--producer-path', path])
    return { message, names: [`'${path}'`, 'EEXIST', HERE], remedy: /A file stands where a directory must be/ }
  },
  async ERR_DYAD_PROTOCOL({ t, dyad }) {
    const store = await storeOfOtherVersion()
    t.teardown(() => store.close())
    const kvs = store.url('127.0.0.1')
    return {
      message: await dyad(['lookup', 'x'], { DYAD_KVS: kvs, DYAD_TOKEN: '', DYAD_OPEN: '1' }),
      names: ['version'],
    }
  },
  async ERR_DYAD_DENIED({ cluster, dyad }) {
    const message = await dyad(['lookup', 'x'], { DYAD_TOKEN: 'another token than theirs' })
    return { message, names: ["for 'x'", cluster.kvs] }
  },
  async ERR_DYAD_CERTIFICATE({ cluster, dyad }) {
    const kvs = `wss://127.0.0.1:${await freePort()}`
    const tls = makeCertificate(cluster.directory('tls'), '127.0.0.1')
    await cluster.node('T', { kvs, ...tls, tlsCa: tls.tlsCert, broker: true, directories: [] })
    return { message: await dyad(['lookup', 'x'], { DYAD_KVS: kvs }), names: ["for 'x'", kvs, 'self-signed'] }
  },
  async ERR_DYAD_BIND({ cluster, dyad }) {
    const message = await dyad(['start', '--broker', '--node', 'N', cluster.directory('n')])
    const port = new URL(cluster.kvs).port
    return { message, names: [`port ${port}`, 'EADDRINUSE', HERE], remedy: /--kvs ws:\/\/HOST:PORT \(DYAD_KVS\)/ }
  },
  async ERR_DYAD_NODE_TAKEN({ cluster, dyad }) {
    const message = await dyad(['start', '--node', 'A', cluster.directory('a')])
    return { message, names: ["on node 'A'"] }
  },
  async ERR_DYAD_LOG({ cluster, dyad }) {
    const data = cluster.directory('log')
    writeFileSync(`${data}/log.0`, 'no log at all, and longer than the first bytes of one')
    const kvs = `ws://127.0.0.1:${await freePort()}`
    return { message: await dyad(['broker', '--data', data, '--kvs', kvs]), names: [`${data}/log.0`, HERE] }
  },
  async ERR_DYAD_SILENT({ cluster, dyad }) {
    const frozen = await cluster.node('F', { directories: [] })
    process.kill(frozen.child.pid as number, 'SIGSTOP')
    const message = await dyad(['stop', '--node', 'F', '--timeout', '500'])
    return { message, names: ["on node 'F'", `kill -9 ${frozen.child.pid}`] }
  },
  async ERR_DYAD_AGENT(site) {
    const message = await readManaged(site, 'fs.promises.readFile', {
      DYAD_AGENT: site.cluster.path('no-agent.sock'),
    })
    return { message, names: [site.cluster.path('no-agent.sock'), HERE] }
  },
  async ERR_DYAD_ADDON(site) {
    const hide = `--require ${new URL('../../register/test/programs/hide-addon.cjs', import.meta.url).pathname}`
    const message = await readManaged(site, 'fs.readFileSync', { DYAD_AGENT: agentOf(site.cluster, 'A') }, hide)
    return { message, names: [`'${site.cluster.path('b', 'unread')}'`, HERE] }
  },
  async ERR_DYAD_CLOSED({ cluster }) {
    const program = await cluster.consumer()
    await program.ask('close')
    return { message: await failureOf(program.ask('consume', 'x')), names: [] }
  },
}

const ENTRY = { host: hostname(), pid: process.pid, startedAt: Date.now(), leaseTtl: 60_000 }

/** What a Node program that takes part says of the file that it reads in this way. */
function readManaged({ cluster, shell }: Site, read: string, env: Record<string, string>, more = ''): Promise<string> {
  const register = pathToFileURL(createRequire(import.meta.url).resolve('@dyad-ts/dyad/register')).href
  const failed = `(e) => console.error((e.cause ?? e).code + ': ' + (e.cause ?? e).message)`
  const program = `(async () => ${read}('${cluster.directory('b')}/unread'))().catch(${failed})`
  return shell(`exec '${process.execPath}' ${more} --import '${register}' -e "${program}"`, env)
}

test('a real program meets every error of the table, and each says what, where and what to do', async (t) => {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  const [producer, consumer] = [await cluster.producer({ inlineLimit: 0 }), await cluster.consumer()]
  writeFileSync(cluster.path('source'), 'some content')
  const common = {
    DYAD_KVS: cluster.kvs,
    DYAD_KVS_NAMESPACE: 'flow',
    DYAD_TOKEN: TOKEN,
    DYAD_STATE_DIR: cluster.path('state'),
    DYAD_PATH_PRODUCER: cluster.directory('a'),
    DYAD_PATH_CONSUMER: cluster.directory('b'),
    DYAD_NODE: 'B',
  }
  const outside = Object.entries(process.env).filter(([name]) => !/^(DYAD_|NODE_OPTIONS|NODE_DEBUG)/.test(name))
  const run = (file: string, args: readonly string[], env = {}) =>
    new Promise<string>((resolve) => {
      const options = { env: { ...Object.fromEntries(outside), ...common, ...env }, timeout: 60_000 }
      execFile(file, args, options, (_error, stdout, stderr) => resolve(stderr === '' ? stdout : stderr))
    })
  const site: Omit<Site, 't'> = {
    cluster,
    producer,
    consumer,
    dyad: (args, env) => run(process.execPath, [COMMAND, ...args], env),
    shell: (line, env) => run('/bin/sh', ['-c', line], env),
  }
  t.same(Object.keys(CASES).sort(), Object.keys(ERRORS).sort(), 'every row has a case')
  for (const [code, provoke] of Object.entries(CASES) as [ErrorCode, (site: Site) => Promise<Told>][]) {
    await t.test(code, async (t) => {
      const { message: said, names, remedy } = await provoke({ ...site, t })
      const message =
        said
          .trimEnd()
          .split('\n')
          .find((line) => line.includes(`${code}: `)) ?? said
      const { summary, remedy: usual } = ERRORS[code]
      t.equal(message.split(`${code}: `).length, 2, `it is this error, said once: ${said}`)
      t.equal(message.split(summary).length, 2, `what happened, once: ${message}`)
      for (const name of names) t.ok(message.includes(name), `it names ${name}: ${message}`)
      if (remedy === undefined) t.equal(message.split(usual).length, 2, `what to do, once: ${message}`)
      else t.match(message, remedy, 'what to do')
      t.notMatch(message, /\p{Cc}|See the cause|\.dyad-/u)
    })
  }
})
