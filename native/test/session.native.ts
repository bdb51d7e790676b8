/**
 * A Node program with a session of its own under the preload library alone, without
 * @dyad-ts/dyad/register.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Site } from './support/site.js'

const PROGRAM = fileURLToPath(new URL('../../packages/register/test/programs/session.ts', import.meta.url))

test('a program may open sessions of its own under the library', async (t) => {
  const site = await Site.start(t)
  const args = (...words: string[]) => [`--import=${import.meta.resolve('tsx')}`, PROGRAM, ...words]
  const more = { DYAD_TIMEOUT: '20000', NODE_OPTIONS: undefined }
  const consumer = site.consume(process.execPath, args('consume', site.cluster.path('b')), more)
  const producer = site.produce(process.execPath, args('produce', site.cluster.path('a')), more)
  t.match(await producer.ended, { status: 0, stderr: '' })
  const stdout = JSON.stringify(['by a stream', 'by node:fs', 'by node:fs, and by hand', 'by a stream', 'three'])
  t.match(await consumer.ended, { status: 0, stderr: '', stdout })
  for (const name of ['stream', 'plain', 'handed', 'changed']) {
    t.equal(readFileSync(site.paths(name)[1], 'utf8'), readFileSync(site.paths(name)[0], 'utf8'), name)
  }
})
