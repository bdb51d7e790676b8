// How fast a file moves from host to host over rdma and over tcp, for packages/rdma/README.md. A
// software device does in the kernel what a card does by itself, so that only the way of measuring
// means something elsewhere.
import { strictEqual } from 'node:assert'
import { rmSync } from 'node:fs'
import { digestOf } from '../../harness/contents.js'
import { TestProcess } from '../../harness/process.js'
import { COMMON, directory, heard, run, scope, tell } from '../support/two-hosts.js'

const MIB = 2 ** 20
const SIZE = 64 * MIB
const MODES = ['tcp', 'rdma', 'tcp', 'rdma'] as const

async function own(): Promise<void> {
  const service = await TestProcess.start(scope, 'node-process')
  await service.ask('start', { ...COMMON, node: 'A', broker: true, directories: [directory('out')] })
  const app = await TestProcess.start(scope, 'app-process')
  await app.ask('connect', { ...COMMON, node: 'A', producerPath: directory('out') })
  await app.ask('write', 'file', SIZE, 1)
  tell('published')
  heard('done')
}

async function consume(): Promise<void> {
  heard('published')
  for (const dtlMode of MODES) {
    const app = await TestProcess.start(scope, 'app-process')
    await app.ask('connect', { ...COMMON, node: 'B', dtlMode, consumerPath: directory('in') })
    const began = performance.now()
    const path = await app.ask<string>('consume', 'file')
    const seconds = (performance.now() - began) / 1000
    console.log(`${dtlMode}: ${SIZE / MIB} MiB from host to host, ${(SIZE / MIB / seconds).toFixed(0)} MiB/s`)
    strictEqual((await app.ask<{ sha256: string }>('read', 'file')).sha256, digestOf(SIZE, 1))
    await app.kill()
    rmSync(path)
  }
  tell('done')
}

await run({ owner: own, consumer: consume })
