import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedSource } from '@dyad/core'
import { transportConformance } from '@dyad/core/conformance'
import { test } from 'tap'
import { localTransport } from '../src/index.js'

transportConformance(test, { create: () => localTransport(), peer: new URL('./peers/local.ts', import.meta.url) })

test('what is in the way of a copy is told', async (t) => {
  const storage = await realpath(await mkdtemp(join(tmpdir(), 'dyad-local-')))
  t.teardown(() => rm(storage, { recursive: true, force: true }))
  await using transport = localTransport()
  await using server = await transport.serve(await ManagedSource.open([storage]))
  const { host, directories, ...rest } = JSON.parse(server.address)
  const obstacle = (address: object, directory = storage) =>
    transport.obstacle(JSON.stringify({ ...rest, ...address }), directory)
  t.equal(await obstacle({ host, directories }), undefined)
  t.equal(await obstacle({ host: 'another', directories }), 'its files are not on this host')
  t.equal(await obstacle({ host, directories }, `${storage}/below`), 'it does not serve that directory')
  const [{ path, dev }] = directories
  t.equal(await obstacle({ host, directories: [{ path, dev, ino: '1' }] }), 'its directory cannot be seen from here')
  t.equal(await obstacle({}), 'its address is of no use here')
})
