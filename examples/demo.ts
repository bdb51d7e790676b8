// The demo of DYAD: producers and consumers on two nodes exchange files through managed
// directories: node demo.js [MIB]. All parts are real processes on this host: two services, one of
// which hosts the store, the two example programs, and `dyad put` and `dyad get` for a large file
// of MIB (256; 0 leaves it out). Everything is in a temporary directory, which the demo removes at
// its end.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Cluster, interruption } from './demo-cluster.js'
import type { Arrival } from './demo-report.js'

const FILES = 10
const MIB = 1024 * 1024
const largeMib = Number(process.argv[2] ?? 256)

interface Scene {
  title: string
  producerPath: string
  consumerPath: string
  first: 'producer' | 'consumer'
  variables?: NodeJS.ProcessEnv
}

function show({ path, size, way, waited }: Arrival): void {
  console.log(`   ${path.padEnd(12)} ${size} bytes ${way.padEnd(20)} waited ${waited.toFixed(1)} ms`)
}

async function play(cluster: Cluster, { title, producerPath, consumerPath, first, variables }: Scene): Promise<void> {
  console.log(`\n== ${title}; the ${first} starts first`)
  const env = { ...variables, DYAD_KVS_NAMESPACE: await cluster.createNamespace() }
  const shown: string[] = []
  const consume = () =>
    cluster.example('consumer', [String(FILES), consumerPath], { ...env, DYAD_NODE: 'node-2' }, (file) => {
      shown.push(file.path)
      show(file)
    })
  const produce = () => cluster.example('producer', [String(FILES), producerPath], { ...env, DYAD_NODE: 'node-1' })
  if (first === 'producer') {
    await produce().ended
    await consume().ended
  } else {
    const consumer = consume()
    await consumer.waiting
    await Promise.all([produce().ended, consumer.ended])
  }
  if (shown.length !== FILES) throw new Error(`the consumer reported ${shown.length} files instead of ${FILES}`)
  await compare(producerPath, consumerPath, FILES)
}

/** Sends a large file over each of the transports. */
async function playLarge(cluster: Cluster, producerPath: string, consumerPath: string): Promise<void> {
  console.log(`\n== A large file: ${largeMib} MiB; 'dyad get' shows a bar on a terminal`)
  const env = { DYAD_KVS_NAMESPACE: await cluster.createNamespace() }
  const path = join(producerPath, 'large.bin')
  await writeLarge(path)
  await cluster.command(['put', path, '--producer-path', producerPath, '--node', 'node-1'], env).ended
  for (const transport of ['tcp', 'local']) {
    const directory = join(consumerPath, transport)
    const args = ['get', 'large.bin', '--consumer-path', directory, '--node', 'node-2', '--dtl-mode', transport]
    const arrived: Arrival[] = []
    await cluster.command(args, env, (file) => arrived.push(file)).ended
    for (const file of arrived) {
      const rate = Math.round(file.size / MIB / (file.moved / 1000))
      console.log(`   ${file.path.padEnd(12)} ${file.size} bytes ${file.way.padEnd(11)} ${rate} MiB/s`)
    }
    if (arrived.length !== 1) throw new Error(`${arrived.length} files arrived over ${transport} instead of one`)
    await compare(producerPath, directory, 1)
  }
}

async function writeLarge(path: string): Promise<void> {
  const piece = randomBytes(MIB)
  await using file = await open(path, 'w')
  for (let i = 0; i < largeMib; i++) {
    piece.writeUInt32LE(i)
    await file.write(piece)
  }
}

/** Both directories must hold the same files with the same bytes. */
async function compare(left: string, right: string, count: number): Promise<void> {
  const names = [...new Set([...(await readdir(left)), ...(await readdir(right))])].sort()
  for (const name of names) {
    const [a, b] = await Promise.all([left, right].map((directory) => digest(join(directory, name))))
    if (a !== b) throw new Error(`${name} differs`)
  }
  if (names.length !== count) throw new Error(`${names.length} files instead of ${count}`)
  const same = left === right ? 'is the one directory' : `and ${right} are equal`
  console.log(`   ${left} ${same}`)
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: MIB }), hash)
  return hash.digest('hex')
}

const directory = await mkdtemp(join(tmpdir(), 'dyad-demo-'))
const at = (name: string) => join(directory, name)
try {
  for (const name of ['shared', 'node-1/large']) await mkdir(at(name), { recursive: true })
  const served = {
    'node-1': [...['a', 'b', 'c', 'large'].map((name) => at(`node-1/${name}`)), at('shared')],
    'node-2': [at('node-2')],
  }
  await using cluster = await Cluster.start(at('state'), served)
  const own = { title: 'Example 1: own directories, data moves', first: 'consumer' } as const
  await play(cluster, { ...own, producerPath: at('node-1/a'), consumerPath: at('node-2/a') })
  await play(cluster, { ...own, producerPath: at('node-1/b'), consumerPath: at('node-2/b'), first: 'producer' })
  await play(cluster, {
    ...own,
    title: 'Example 1 as between hosts: over a socket (DYAD_DTL_MODE=tcp DYAD_INLINE_LIMIT=0)',
    producerPath: at('node-1/c'),
    consumerPath: at('node-2/c'),
    variables: { DYAD_DTL_MODE: 'tcp', DYAD_INLINE_LIMIT: '0' },
  })
  await play(cluster, {
    title: 'Example 2: shared storage, nothing moves (DYAD_SHARED_STORAGE=1)',
    producerPath: at('shared'),
    consumerPath: at('shared'),
    first: 'consumer',
    variables: { DYAD_SHARED_STORAGE: '1' },
  })
  if (largeMib > 0) await playLarge(cluster, at('node-1/large'), at('node-2/large'))
  const large = largeMib > 0 ? ` and one of ${largeMib} MiB` : ''
  console.log(
    `\nShown: ${4 * FILES} files of 40 bytes${large} went from producers to consumers; ` +
      'every file arrived whole, and every open waited until its file was published.',
  )
} catch (error) {
  console.error(interruption.aborted ? `demo: ${String(interruption.reason)}` : error)
  process.exitCode = interruption.aborted ? 130 : 1
} finally {
  await rm(directory, { recursive: true, force: true })
}
