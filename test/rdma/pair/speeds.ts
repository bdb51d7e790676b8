// How fast a file moves from host to host over rdma and over tcp, for packages/rdma/README.md. A software device does in the kernel what a card
// does by itself, so that only the way of measuring means something elsewhere.
import { strictEqual } from 'node:assert'
import { mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '../../harness/contents.js'
import { TestProcess } from '../../harness/process.js'

const ADDRESSES = { owner: '10.99.1.1', consumer: '10.99.1.2' }
const MIB = 2 ** 20
const SIZE = 64 * MIB
const MODES = ['tcp', 'rdma', 'tcp', 'rdma'] as const

const role = process.argv[2] === 'owner' ? 'owner' : 'consumer'
const COMMON = {
  kvs: `ws://${ADDRESSES.owner}:4610`,
  host: ADDRESSES[role],
  token: 'secret',
  namespace: 'pair',
  stateDir: join(tmpdir(), 'state'),
} as const

const port = openSync('/dev/virtio-ports/peer', 'r+')
const tell = (word: string) => void writeSync(port, `${word}\n`)
function heard(word: string): void {
  const byte = Buffer.alloc(1)
  let line = ''
  while (readSync(port, byte) === 1 && byte[0] !== 10) line += byte.toString('latin1')
  strictEqual(line, word)
}

const ends: (() => unknown)[] = []
const scope = { teardown: (work: () => unknown) => void ends.push(work) }

function directory(name: string): string {
  const path = join(tmpdir(), name)
  mkdirSync(path, { recursive: true })
  return path
}

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

try {
  await (role === 'owner' ? own() : consume())
} finally {
  for (const end of ends.reverse()) await end()
}
