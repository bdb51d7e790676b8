import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConsumeOptions, connect, type Dyad, DyadReadStream } from '@dyad-ts/dyad'
import { brokerKvs, memoryKvs, startBroker } from '@dyad-ts/kvs-client'
import { rdmaTransport } from '@dyad-ts/rdma'
import { rpcTransport, tcpTransport } from '@dyad-ts/transport'
import t from 'tap'
import { Sandbox, says } from './cli/command.js'

/** Values that a program may pass for a number by mistake, and their form in a message. */
const WRONG: readonly [unknown, string][] = [
  [Number.NaN, 'NaN'],
  [-1, '-1'],
  ['5', '"5"'],
  [null, 'null'],
  [{}, '[object Object]'],
]
const FOR_EVER = [0, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40]

/** The same wait through every method of a session. */
const WAITS: Readonly<Record<string, (core: Dyad, path: string, options: ConsumeOptions) => Promise<unknown>>> = {
  consume: (core, path, options) => core.consume(path, options),
  lookup: (core, path, options) => core.lookup(path, options),
  open: (core, path, options) => core.open(path, 'r', undefined, options).then((file) => file.close()),
  stream: async (core, path, options) => {
    for await (const _ of new DyadReadStream(core, path, options));
  },
}

async function session(t: { teardown(work: () => unknown): void }, options: object = {}): Promise<Dyad> {
  const directory = await mkdtemp(join(tmpdir(), 'dyad-numbers-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const core = await connect({
    kvs: 'memory:',
    namespace: 'test',
    node: 'n',
    producerPath: join(directory, 'files'),
    consumerPath: join(directory, 'files'),
    stateDir: join(directory, 'state'),
    ...options,
  })
  t.teardown(() => core.close())
  return core
}

t.test('a timeout that is none is an error that names it, whether the file is there or not', async (t) => {
  const core = await session(t)
  await (await core.open('there', 'w')).close()
  for (const [value, shown] of WRONG) {
    const options = { timeout: value } as ConsumeOptions
    const expected = { code: 'ERR_DYAD_OPTION', message: `timeout is ${shown}, not` }
    for (const path of ['there', 'never']) {
      for (const [name, wait] of Object.entries(WAITS)) {
        await t.rejects(async () => wait(core, path, options), expected, `${name} with ${shown}`)
      }
      await t.rejects(core.lookup(path, { ...options, wait: false }), expected)
    }
  }
  t.throws(() => new DyadReadStream(core, 'there', { timeout: Number.NaN }), { code: 'ERR_DYAD_OPTION' }, 'at once')
})

t.test('a timeout that no timer takes is for ever', async (t) => {
  const core = await session(t)
  for (const timeout of FOR_EVER) {
    for (const [name, wait] of Object.entries(WAITS)) {
      const path = `${name}-${timeout}`
      let told: () => void = () => {}
      const begun = new Promise<void>((resolve) => {
        told = resolve
      })
      const waiting = wait(core, path, { timeout, onWaiting: told })
      // A stream and a file do not pass this option on. They still ask the store before the file is
      // published.
      if (name === 'consume' || name === 'lookup') await begun
      else await core.lookup(path, { wait: false })
      await (await core.open(path, 'w')).close()
      await waiting
      t.pass(path)
    }
  }
})

t.test('so are the options of a session', async (t) => {
  for (const name of ['timeout', 'ownerTimeout', 'progressTimeout', 'kvsTimeout', 'leaseTtl'] as const) {
    for (const value of [Number.POSITIVE_INFINITY, 2 ** 40]) {
      const core = await session(t, { [name]: value })
      t.equal(core.config[name === 'kvsTimeout' ? 'kvsTimeout' : name], 2 ** 31 - 1, name)
      await (await core.open('x', 'w')).close()
      await core.consume('x')
    }
    for (const [value, shown] of WRONG.slice(0, 3)) {
      const message = new RegExp(`: ${name} \\("${shown.replaceAll('"', '')}" is `)
      await t.rejects(session(t, { [name]: value }), { code: 'ERR_DYAD_OPTION', message }, `${name} ${shown}`)
    }
  }
})

t.test('the parts that sessions are made of check their numbers too', async (t) => {
  await using kvs = memoryKvs()
  for (const [value, shown] of WRONG) {
    const number = value as number
    const named = (name: string) => ({ code: 'ERR_DYAD_OPTION', message: `${name} is ${shown}, not` })
    await t.rejects(kvs.register('key', Buffer.alloc(0), { ttl: number }), named('ttl'))
    // null counts as missing.
    if (number === null) continue
    await t.rejects(startBroker({ port: number }), named('port'))
    t.throws(() => brokerKvs({ url: 'ws://127.0.0.1:1', connectTimeout: number }), named('connectTimeout'))
    t.throws(() => brokerKvs({ url: 'ws://127.0.0.1:1', callTimeout: number }), named('callTimeout'))
    for (const make of [tcpTransport, rpcTransport, rdmaTransport])
      t.throws(() => make({ idleMs: number }), named('idleMs'))
    for (const make of [tcpTransport, rpcTransport]) t.throws(() => make({ chunkBytes: number }), named('chunkBytes'))
    t.throws(() => rpcTransport({ window: number }), named('window'))
    t.throws(() => rdmaTransport({ busyPollMs: number }), named('busyPollMs'))
  }
  await (await kvs.register('key', Buffer.alloc(0), { ttl: Number.POSITIVE_INFINITY })).close()
})

t.test('the command takes Infinity for for ever, and says which flag is wrong', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const waiting = sandbox.spawn(['wait', 'late', '--timeout', 'Infinity'])
  await says(waiting, /waiting for late/)
  await sandbox.run(['put', '-', 'late'], sandbox.on('n1'), 'x')
  t.equal((await waiting.ended).code, 0)
  for (const value of ['NaN', '-1', 'soon', '']) {
    const { code, stderr } = await sandbox.run(['wait', 'late', `--timeout=${value}`])
    t.equal(code, 2)
    t.match(stderr, '--timeout', value)
  }
})
