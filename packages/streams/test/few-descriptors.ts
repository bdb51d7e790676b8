import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { DyadCore } from '@dyad-ts/core'
import { memoryKvs } from '@dyad-ts/kvs-client'
import { DyadFile, DyadWriteStream } from '../src/index.js'

const COUNT = 150

/** Writes many files at once, by streams and by handles, and returns how many were published. */
export async function writeManyAtOnce(): Promise<{ published: number; files: number }> {
  const root = await mkdtemp(join(tmpdir(), 'dyad-few-'))
  const kvs = memoryKvs()
  await kvs.createNamespace('test')
  const options = { kvs, transports: [], namespace: 'test', node: 'p', stateDir: join(root, 'state') }
  const core = new DyadCore({ ...options, producerPath: join(root, 'files') })
  const names = Array.from({ length: COUNT }, (_, i) => i)
  await Promise.all([
    ...names.map((i) => finished(new DyadWriteStream(core, `stream-${i}`).end('content'))),
    ...names.map(async (i) => {
      const file = await DyadFile.open(core, `file-${i}`, 'w')
      await file.writeFile('content')
      await file.close()
    }),
  ])
  let published = 0
  for await (const record of core.list()) if (record.size === 7) published++
  await core.close()
  const files = await readdir(join(root, 'files'))
  await rm(root, { recursive: true })
  return { published, files: files.length }
}
