import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ManagedSource } from '@dyad-ts/core'
import { transportConformance } from '@dyad-ts/core/conformance'
import tap, { test } from 'tap'
import { localTransport } from '../src/index.js'
import { stateDirOf } from './support/local-state.js'

const stateDir = stateDirOf(process.pid)
tap.teardown(() => rm(stateDir, { recursive: true, force: true }))

transportConformance(test, {
  create: () => localTransport({ stateDir }),
  peer: new URL('./peers/local.ts', import.meta.url),
})

test('an obstacle to a copy is named', async (t) => {
  const storage = await realpath(await mkdtemp(join(tmpdir(), 'dyad-local-')))
  t.teardown(() => rm(storage, { recursive: true, force: true }))
  await mkdir(`${storage}/served`)
  await using transport = localTransport({ stateDir })
  await using server = await transport.serve(await ManagedSource.open([`${storage}/served`]))
  const address = JSON.parse(server.address)
  const obstacle = (change: object, directory = `${storage}/served`) =>
    transport.obstacle(JSON.stringify({ ...address, ...change }), directory)
  t.equal(await obstacle({}), undefined)
  t.equal(await obstacle({ host: 'another' }), 'its files are not on this host')
  t.equal(await obstacle({}, storage), 'it does not serve that directory')
  t.equal(await obstacle({ v: 1 }), 'its address is of no use here')
  await rename(`${storage}/served`, `${storage}/aside`)
  await mkdir(`${storage}/served`)
  t.equal(await obstacle({}), 'its directory cannot be seen from here')
})

const SPACE = ['--user', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh']
const canHide = spawnSync('unshare', [...SPACE, 'true']).status === 0

test('where there is no /proc the bytes pass through the process', {
  skip: !canHide && 'no user namespace in which to hide /proc',
}, async (t) => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'dyad-local-')))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const program = fileURLToPath(new URL('peers/without-proc.ts', import.meta.url))
  const { stdout, stderr } = spawnSync('unshare', [...SPACE, process.execPath, '--import=tsx', program, root], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.match(stdout, /^{/, stderr)
  t.same(JSON.parse(stdout), { hasProc: false, isCopied: false, content: 'the content' })
})
