import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { createServer, Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { messageFrom } from '../../../test/harness/child.js'
import { startBroker } from '../src/index.js'
import { LogRecordStore } from '../src/records/log-records.js'
import { repairLog } from '../src/records/repair.js'
import { BrokerProcess, forkProcess, temporaryDirectory } from './broker-process.js'

const broker = fileURLToPath(new URL('processes/broker.mjs', import.meta.url))

/**
 * Returns how to enter new namespaces here: directly, as root of a user namespace, or not at all.
 */
function entering(...kinds: string[]): string[] | undefined {
  return [kinds, ['--user', '--map-root-user', ...kinds]].find(
    (flags) => spawnSync('unshare', [...flags, 'true']).status === 0,
  )
}

/** Returns the error output of a broker that cannot start in such namespaces. */
async function failureOf(flags: string[], script: string, data: string): Promise<string> {
  const args = [...flags, 'sh', '-c', script, 'sh', data, process.execPath, broker, JSON.stringify({ data })]
  const child = spawn('unshare', args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const [written] = await Promise.all([text(child.stderr), once(child, 'close')])
  return written
}

test('another broker is refused and told which one has the directory', async (t) => {
  await using directory = await temporaryDirectory()
  await using first = await BrokerProcess.start({ data: directory.path })
  const second = forkProcess('open-directory.mjs', [directory.path])
  const { code, detail, held } = await messageFrom<Record<string, unknown>>(second)
  t.equal(code, 'ERR_DYAD_SYSTEM')
  t.match(detail, new RegExp(`another broker has this directory open: process ${first.pid} on host ${hostname()}$`))
  t.equal(held, undefined)
})

test('kill -9 frees the directory, and the file of the lock is nothing to clean up', async (t) => {
  await using directory = await temporaryDirectory()
  await using first = await BrokerProcess.start({ data: directory.path })
  await first.kill()
  t.ok(readdirSync(directory.path).includes('lock'))
  const store = await LogRecordStore.open(directory.path)
  await store.close()
  await (await LogRecordStore.open(directory.path)).close()
})

const network = entering('--net')
test('a broker in another network namespace is refused', {
  skip: network === undefined && 'no namespaces here',
}, async (t) => {
  await using directory = await temporaryDirectory()
  await using first = await BrokerProcess.start({ data: directory.path })
  const failure = await failureOf(network ?? [], 'shift; exec "$@"', directory.path)
  t.match(failure, `process ${first.pid} on host`)
  t.match(failure, 'ERR_DYAD_SYSTEM')
})

const mounts = entering('--mount')
test('a read-only directory is an error that says so', {
  skip: mounts === undefined && 'no namespaces here',
}, async (t) => {
  await using directory = await temporaryDirectory()
  const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
  const failure = await failureOf(mounts ?? [], script, directory.path)
  t.match(failure, 'EROFS')
  t.match(failure, directory.path)
})

test('nothing but a file of the directory itself is locked', async (t) => {
  await using elsewhere = await temporaryDirectory()
  const { path: other } = elsewhere
  const cases: Record<string, (path: string) => unknown> = {
    'a symbolic link': (path) => symlinkSync(join(other, 'other'), path),
    'a directory': (path) => mkdirSync(path),
    'a pipe': (path) => spawnSync('mkfifo', [path]),
    'a socket': (path) => listen(path),
  }
  for (const [kind, make] of Object.entries(cases)) {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'lock')
    const made = await make(path)
    const failing = startBroker({ data: directory.path })
    await t.rejects(failing, { code: 'ERR_DYAD_SYSTEM', path, detail: RegExp(`^is ${kind}, .*: remove it once no`) })
    await t.rejects(repairLog(directory.path), { code: 'ERR_DYAD_LOG', message: /there is no log/ }, 'of none')
    t.same(readdirSync(directory.path), ['lock'], 'it is left as it is')
    if (made instanceof Server) made.close()
  }
  t.same(readdirSync(other), [])
})

/** Listens at a socket of this path. */
async function listen(path: string): Promise<Server> {
  const server = createServer().listen(path)
  await once(server, 'listening')
  return server
}
