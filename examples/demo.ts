// The demo of DYAD: a producer and a consumer on two nodes exchange files through managed
// directories. Real processes on this host: two services, one of which hosts the store, and the two
// example programs. Everything is in a temporary directory, and gone at the end.
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, interruption } from './demo-cluster.js'

const FILES = 10

interface Scene {
  title: string
  producerPath: string
  consumerPath: string
  first: 'producer' | 'consumer'
  variables?: NodeJS.ProcessEnv
}

async function play(cluster: Cluster, { title, producerPath, consumerPath, first, variables }: Scene): Promise<void> {
  console.log(`\n== ${title}; the ${first} starts first`)
  const namespace = await cluster.createNamespace()
  const env = { ...variables, DYAD_KVS_NAMESPACE: namespace }
  const consume = () => cluster.run('consumer', [String(FILES), consumerPath], { ...env, DYAD_NODE: 'node-2' })
  const produce = () => cluster.run('producer', [String(FILES), producerPath], { ...env, DYAD_NODE: 'node-1' })
  if (first === 'producer') {
    await produce().ended
    await consume().ended
  } else {
    const consumer = consume()
    await consumer.waiting
    await Promise.all([produce().ended, consumer.ended])
  }
}

/** Prints both directories side by side; they must hold the same files with the same bytes. */
async function compare(left: string, right: string): Promise<void> {
  const names = [...new Set([...(await readdir(left)), ...(await readdir(right))])].sort()
  console.log(`\n   ${left.padEnd(44)} ${right}`)
  for (const name of names) {
    const [a, b] = await Promise.all([left, right].map((directory) => readFile(join(directory, name))))
    if (a === undefined || b === undefined || !a.equals(b)) throw new Error(`${name} differs`)
    console.log(`   ${`${name} ${a.length}`.padEnd(44)} ${name} ${b.length}`)
  }
  if (names.length !== FILES) throw new Error(`${names.length} files instead of ${FILES}`)
  console.log('   equal')
}

const directory = await mkdtemp(join(tmpdir(), 'dyad-demo-'))
const at = (name: string) => join(directory, name)
try {
  await mkdir(at('shared'))
  const served = { 'node-1': [at('node-1/a'), at('node-1/b'), at('node-1/c'), at('shared')], 'node-2': [at('node-2')] }
  await using cluster = await Cluster.start(at('state'), served)
  const own = { title: 'Example 1: own directories, data moves', first: 'consumer' } as const
  await play(cluster, { ...own, producerPath: at('node-1/a'), consumerPath: at('node-2/a') })
  await play(cluster, { ...own, producerPath: at('node-1/b'), consumerPath: at('node-2/b'), first: 'producer' })
  await play(cluster, {
    ...own,
    title: 'Example 1 as between hosts: over a socket (DYAD_DTL_MODE=rpc)',
    producerPath: at('node-1/c'),
    consumerPath: at('node-2/c'),
    variables: { DYAD_DTL_MODE: 'rpc', DYAD_INLINE_LIMIT: '0' },
  })
  await play(cluster, {
    title: 'Example 2: shared storage, nothing moves',
    producerPath: at('shared'),
    consumerPath: at('shared'),
    first: 'consumer',
    variables: { DYAD_SHARED_STORAGE: '1' },
  })
  console.log('\n== What is in the directories')
  for (const name of ['a', 'b', 'c']) await compare(at(`node-1/${name}`), at(`node-2/${name}`))
  await compare(at('shared'), at('shared'))
  console.log('\nAll files arrived, whole and equal.')
} catch (error) {
  console.error(interruption.aborted ? `demo: ${String(interruption.reason)}` : error)
  process.exitCode = interruption.aborted ? 130 : 1
} finally {
  await rm(directory, { recursive: true, force: true })
}
