import { type ChildProcess, fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Diagnostics, DyadCore, ManagedSource, type Transport } from '@dyad-ts/core'
import { encodeNodeEntry, encodeRecord, keyOf, tryLock } from '@dyad-ts/core/internal'
import { memoryKvs } from '@dyad-ts/kvs-client'
import { localTransport } from '@dyad-ts/transport'
import { type Test, test } from 'tap'
import { endOf, messageFrom } from '../../../../test/harness/child.js'

const OTHER = 54_321
const skip = process.getuid?.() !== 0 && 'only root can become another user'

function directory(t: Test): string {
  const root = mkdtempSync(`${tmpdir()}/dyad-trust-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  chmodSync(root, 0o755)
  return root
}

/** Starts a service of another user, or of this one. */
async function serveAs(
  t: Test,
  uid: number,
  ...args: string[]
): Promise<{ child: ChildProcess; address: string; forging: string }> {
  const program = fileURLToPath(new URL('other-user.ts', import.meta.url))
  const child = fork(program, [String(uid), ...args], { execArgv: ['--import=tsx'], silent: true })
  t.teardown(() => child.kill('SIGKILL'))
  const { address, forging } = await messageFrom<{ address: string; forging: string }>(child)
  return { child, address, forging }
}

/** Returns an address with other fields. */
function changed(address: string, change: object): string {
  return JSON.stringify({ ...JSON.parse(address), ...change })
}

test('what an owner of fewer rights names is not opened by the rights of the consumer', { skip }, async (t) => {
  const root = directory(t)
  const stateDir = `${root}/state`
  mkdirSync(`${root}/secret`, { mode: 0o700 })
  mkdirSync(`${root}/public`)
  writeFileSync(`${root}/secret/key`, 'for root alone', { mode: 0o600 })
  writeFileSync(`${root}/public/file`, 'for all')
  mkdirSync(`${root}/theirs`)
  chownSync(`${root}/theirs`, OTHER, OTHER)

  await using local = localTransport({ stateDir })
  await using own = await local.serve(await ManagedSource.open([`${root}/public`]))
  const forged = `${stateDir}/local/.dyad-local-${'0'.repeat(32)}`
  const { address, forging } = await serveAs(t, OTHER, `${root}/theirs/state`, `${root}/public`, forged)
  t.equal(forging, 'EACCES', "it cannot make a marker in this user's directory for state")

  const { host, marker } = JSON.parse(own.address)
  const { dev, ino } = statSync(`${root}/secret`, { bigint: true })
  const directories = [{ path: `${root}/secret`, dev: `${dev}`, ino: `${ino}` }]
  // A consumer stores, as this user, files that others publish. Others can lock a file that they
  // can read.
  writeFileSync(`${root}/stored`, JSON.stringify({ host, directories }))
  const stored = openSync(`${root}/stored`, 'r+')
  t.teardown(() => closeSync(stored))
  t.ok(tryLock(stored))
  const claims: Record<string, string> = {
    'its own marker': address,
    'its own marker, from here': changed(address, {
      marker: `../../theirs/state/local/.dyad-local-${JSON.parse(address).marker}`,
    }),
    'a marker that is not there': changed(address, { marker: '1'.repeat(32) }),
    'directories in the address': JSON.stringify({ v: 1, host, directories }),
    'directories beside a marker of this user': changed(own.address, { directories }),
    'a marker of this user': own.address,
    'what this user has stored for others': changed(own.address, { marker: 'x/../../../stored' }),
  }
  await using kvs = memoryKvs()
  await kvs.createNamespace('trust')
  const { size, mtimeNs } = statSync(`${root}/secret/key`, { bigint: true })
  const published = { path: 'key', owner: 'evil', size: Number(size), mtimeNs, mode: 0o644, storage: `${root}/secret` }
  await kvs.namespace('trust').put(keyOf('key', 3, 1024), encodeRecord(published))
  for (const [name, claim] of Object.entries(claims)) {
    const entry = {
      node: 'evil',
      transports: [{ name: 'local', address: claim }],
      directories: [`${root}/secret`],
      host: 'here',
      pid: 1,
      startedAt: 0,
    }
    await using registered = await kvs.register('evil', encodeNodeEntry(entry), { ttl: 60_000 })
    t.ok(registered)
    await using core = new DyadCore({
      kvs,
      transports: [local],
      namespace: 'trust',
      node: 'me',
      stateDir,
      consumerPath: `${root}/consumed`,
      ownerTimeout: 1,
    })
    await t.rejects(core.consume('key'), { code: /ERR_DYAD_(NO_TRANSPORT|OWNER_UNREACHABLE|REFUSED)/ }, name)
    t.strictSame(readdirSync(`${root}/consumed`), [], name)
    await t.rejects(local.fetch(claim, { ...published, storage: `${root}/secret` }), name)
  }
  t.match(
    await local.obstacle(address, `${root}/public`),
    /its service is of another user, or keeps its state elsewhere/,
  )
  t.equal(await local.obstacle(own.address, `${root}/public`), undefined)
  t.ok(marker)
})

test('a marker counts only if it is of this user, and nobody else can have written it', { skip }, async (t) => {
  const root = directory(t)
  const stateDir = `${root}/state`
  mkdirSync(`${root}/public`)
  const source = await ManagedSource.open([`${root}/public`])
  await using owner = localTransport({ stateDir })
  await using server = await owner.serve(source)
  const path = `${stateDir}/local/.dyad-local-${JSON.parse(server.address).marker}`
  /** As a process sees it that has not looked before. */
  const obstacle = async () => {
    await using fresh = localTransport({ stateDir })
    return fresh.obstacle(server.address, `${root}/public`)
  }
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(await obstacle(), undefined)
  chownSync(path, OTHER, OTHER)
  t.equal(await obstacle(), 'its marker belongs to another user')
  chownSync(path, 0, 0)
  chmodSync(path, 0o602)
  t.equal(await obstacle(), 'its marker belongs to another user')
  chmodSync(path, 0o600)
  chmodSync(stateDir, 0o770)
  t.match(await obstacle(), /DYAD_STATE_DIR\) '.*': not a directory that only this user can write to/)
  chmodSync(stateDir, 0o700)
  chownSync(stateDir, OTHER, OTHER)
  t.match(await obstacle(), /DYAD_STATE_DIR\) '/)
  chownSync(stateDir, 0, 0)
  t.equal(await obstacle(), undefined)
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"host":"[^"]*"/, '"host":"another"'))
  t.equal(await obstacle(), 'its files are not on this host')
})

test('a service that was killed proves nothing any more, and its marker says so for an hour', async (t) => {
  const root = directory(t)
  const stateDir = `${root}/state`
  mkdirSync(`${root}/public`)
  const { child, address } = await serveAs(t, process.getuid?.() ?? 0, stateDir, `${root}/public`)
  const published = { storage: `${root}/public`, path: 'x', size: 1, mtimeNs: 1n }
  await using before = localTransport({ stateDir })
  t.equal(await before.obstacle(address, `${root}/public`), undefined)
  child.kill('SIGKILL')
  await endOf(child)
  const markers = () => readdirSync(`${stateDir}/local`)
  const killed = markers()[0] ?? ''
  const ended = { code: 'ERR_DYAD_OWNER_UNREACHABLE', message: /its service has ended/, retryable: true }
  /** As a process sees it that has not looked before. */
  const proves = async (expected: string) => {
    await using fresh = localTransport({ stateDir })
    t.equal(await fresh.obstacle(address, `${root}/public`), undefined, `${expected}: another may take its place`)
    await t.rejects(fresh.fetch(address, published), ended, expected)
  }
  await proves('killed')
  const serve = async (transport: Transport) => transport.serve(await ManagedSource.open([`${root}/public`]))
  await using after = localTransport({ stateDir })
  const servers = await Promise.all([1, 2].map(() => serve(after)))
  const names = servers.map((server) => `.dyad-local-${JSON.parse(server.address).marker}`)
  t.strictSame(markers().sort(), [...names, killed].sort())
  await proves('swept')
  const old = new Date(Date.now() - 3_601_000)
  for (const name of [killed, ...names]) utimesSync(`${stateDir}/local/${name}`, old, old)
  await (await serve(after)).close()
  t.strictSame(markers().sort(), names.sort(), 'those that live keep theirs')
  for (const server of servers) {
    await server.close()
    await server.close()
  }
  t.strictSame(markers(), [])
})

test('over local alone, a consumer waits for the service that takes the place of a killed one', async (t) => {
  const root = directory(t)
  const stateDir = `${root}/state`
  const storage = `${root}/public`
  for (const name of ['public', 'consumed']) mkdirSync(`${root}/${name}`)
  writeFileSync(`${storage}/file`, 'published')
  const { child, address } = await serveAs(t, process.getuid?.() ?? 0, stateDir, storage)
  child.kill('SIGKILL')
  await endOf(child)
  await using kvs = memoryKvs()
  await kvs.createNamespace('trust')
  const { size, mtimeNs } = statSync(`${storage}/file`, { bigint: true })
  const record = { path: 'file', owner: 'A', size: Number(size), mtimeNs, mode: 0o644, storage }
  await kvs.namespace('trust').put(keyOf('file', 3, 1024), encodeRecord(record))
  const register = (at: string) => {
    const transports = [{ name: 'local', address: at }]
    const entry = { node: 'A', transports, directories: [storage], host: 'here', pid: 1, startedAt: 0 }
    return kvs.register('A', encodeNodeEntry(entry), { ttl: 60_000 })
  }
  const registered = await register(address)
  await using local = localTransport({ stateDir })
  const consumerPath = `${root}/consumed`
  await using core = new DyadCore({ kvs, transports: [local], namespace: 'trust', node: 'me', stateDir, consumerPath })
  const consuming = core.consume('file')
  consuming.catch(() => {})
  const retried = new Promise<Diagnostics['dyad.transfer.retry']>((resolve) => {
    const listen = (message: unknown) => resolve(message as Diagnostics['dyad.transfer.retry'])
    subscribe('dyad.transfer.retry', listen)
    t.teardown(() => unsubscribe('dyad.transfer.retry', listen))
  })
  const first = await Promise.race([retried, consuming])
  t.match(first, { error: { message: /its service has ended/ } })
  await registered.close()
  await using server = await local.serve(await ManagedSource.open([storage]))
  await using again = await register(server.address)
  t.ok(again)
  await consuming
  t.equal(readFileSync(`${consumerPath}/file`, 'utf8'), 'published')
})
