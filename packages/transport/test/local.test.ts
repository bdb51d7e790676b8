import { mkdir, mkdtemp, realpath, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedSource } from '@dyad/core'
import { transportConformance } from '@dyad/core/conformance'
import tap, { test } from 'tap'
import { localTransport } from '../src/index.js'
import { stateDirOf } from './support/local-state.js'

const stateDir = stateDirOf(process.pid)
tap.teardown(() => rm(stateDir, { recursive: true, force: true }))

transportConformance(test, {
  create: () => localTransport({ stateDir }),
  peer: new URL('./peers/local.ts', import.meta.url),
})

test('what is in the way of a copy is told', async (t) => {
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
