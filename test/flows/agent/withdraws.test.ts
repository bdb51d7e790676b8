import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { type AgentClient, MOVE, named, REMOVE, REPORT, text } from '../../harness/agent-client.js'
import { Cluster } from '../../harness/cluster.js'
import { consuming, producing } from './site.js'

const DIRECTORY = 1

/** Moves a file or a directory, and says so. */
function moved(client: AgentClient, from: string, to: string, flags = 0): Promise<unknown> {
  return client.done(MOVE, Buffer.concat([Buffer.from([flags]), text(from), text(to)]))
}

/** Node A, a producer and a consumer there, and what is published now. */
async function site(t: Parameters<typeof Cluster.start>[0]) {
  const { cluster } = await Cluster.start(t)
  await cluster.node('B')
  const [producer, consumer] = await Promise.all([producing(cluster), consuming(cluster)])
  t.teardown(() => Promise.all([producer[Symbol.asyncDispose](), consumer[Symbol.asyncDispose]()]))
  const app = await cluster.consumer()
  const write = async (name: string, content: string) => {
    mkdirSync(cluster.path('a', name, '..'), { recursive: true })
    writeFileSync(cluster.path('a', name), content)
    await producer.produce(name)
  }
  const published = async () => (await app.ask<string[]>('list')).sort()
  const rename = (from: string, to: string) => renameSync(cluster.path('a', from), cluster.path('a', to))
  const read = async (name: string) => {
    await consumer.consume(name)
    return readFileSync(cluster.path('b', name), 'utf8')
  }
  return { cluster, producer, write, published, rename, read }
}

t.test('a file that is renamed, linked or removed takes its record along', async (t) => {
  const { cluster, producer, write, published, rename, read } = await site(t)
  await write('x.tmp', 'renamed into place')
  rename('x.tmp', 'x')
  await moved(producer, 'x.tmp', 'x')
  t.strictSame(await published(), ['x'])
  t.equal(await read('x'), 'renamed into place')
  await write('y', 'a newer one')
  rename('y', 'x')
  await moved(producer, 'y', 'x')
  t.strictSame(await published(), ['x'], 'over another one')
  t.equal(await read('x'), 'a newer one')
  linkSync(cluster.path('a', 'x'), cluster.path('a', 'link'))
  await moved(producer, '', 'link')
  t.strictSame(await published(), ['link', 'x'], 'a link')
  rename('link', 'x')
  await moved(producer, 'link', 'x')
  t.strictSame(await published(), ['link', 'x'], 'rename(2) does nothing between names of one file')
  rename('x', '../elsewhere')
  await moved(producer, 'x', '')
  t.strictSame(await published(), ['link'], 'out of the directory')
  rename('../elsewhere', 'z')
  await moved(producer, '', 'z')
  t.strictSame(await published(), ['link', 'z'], 'into it')
  t.equal(await read('z'), 'a newer one')
  rmSync(cluster.path('a', 'z'))
  await producer.done(REMOVE, named('z'))
  t.strictSame(await published(), ['link'])
  await producer.done(REMOVE, named('z'))
  await producer.done(REMOVE, named('never there'))
  symlinkSync('link', cluster.path('a', 'symbolic'))
  await moved(producer, 'gone', 'symbolic')
  t.strictSame(await published(), ['link'], 'a symbolic link is not published')
})

t.test('a directory that is renamed takes along what was published below it', async (t) => {
  const { cluster, producer, write, published, rename, read } = await site(t)
  for (const name of ['d/1', 'd/sub/2', 'd/sub/deeper/3', 'd2/other', 'dd']) await write(name, name)
  writeFileSync(cluster.path('a', 'd/unpublished'), 'its writer has not closed it')
  rename('d', 'e')
  await moved(producer, 'd', 'e')
  t.strictSame(await published(), ['d2/other', 'dd', 'e/1', 'e/sub/2', 'e/sub/deeper/3'])
  t.equal(await read('e/sub/2'), 'd/sub/2')
  rename('e', '../outside')
  await moved(producer, 'e', '', DIRECTORY)
  t.strictSame(await published(), ['d2/other', 'dd'], 'out of the managed directory')
  rename('../outside', 'f')
  await moved(producer, '', 'f')
  t.strictSame(
    await published(),
    ['d2/other', 'dd', 'f/1', 'f/sub/2', 'f/sub/deeper/3', 'f/unpublished'],
    'into it: all of its files',
  )
  rmSync(cluster.path('a', 'f'), { recursive: true })
  await producer.done(REMOVE, named('f', DIRECTORY))
  t.strictSame(await published(), ['d2/other', 'dd'])
})

t.test('a file that was removed does not take the record of a newer one of its name along', async (t) => {
  const { cluster, producer, write, published, rename, read } = await site(t)
  await write('x', 'first')
  rmSync(cluster.path('a', 'x'))
  await write('x', 'second')
  await producer.done(REMOVE, named('x'))
  t.strictSame(await published(), ['x'])
  t.equal(await read('x'), 'second')
  rename('x', 'y')
  await write('x', 'the third')
  await moved(producer, 'x', 'y')
  t.strictSame(await published(), ['x', 'y'])
  t.equal(await read('x'), 'the third')
  t.equal(await read('y'), 'second')
  rmSync(cluster.path('a', 'x'))
  writeFileSync(cluster.path('a', 'x'), 'not closed yet')
  await producer.done(REMOVE, named('x'))
  t.strictSame(await published(), ['y'], 'that of the file that is gone is withdrawn')
})

t.test('of one path, what was asked for first is done first, over whichever connection', async (t) => {
  const { cluster, producer, published } = await site(t)
  // It reads the whole file before it publishes it; the other one has nothing to read.
  await using slow = await producing(cluster, { DYAD_DIGEST_ALL: '1' })
  writeFileSync(cluster.path('a', 'x'), Buffer.alloc(24 * 2 ** 20))
  for (let round = 0; round < 3; round++) {
    const asked = [slow.produce('x')]
    // The agent has read what came before when it answers.
    await slow.ask(REPORT, text(''))
    asked.push(producer.change('x'))
    await Promise.all(asked)
    t.strictSame(await published(), [], 'withdrawn after it was published')
    mkdirSync(cluster.path('a', 'd'))
    renameSync(cluster.path('a', 'x'), cluster.path('a', 'd', 'x'))
    const inDirectory = [slow.produce('d/x')]
    await slow.ask(REPORT, text(''))
    renameSync(cluster.path('a', 'd'), cluster.path('a', 'e'))
    inDirectory.push(producer.done(MOVE, Buffer.concat([Buffer.of(0), text('d'), text('e')])))
    await Promise.allSettled(inDirectory)
    t.strictSame(await published(), ['e/x'], 'moved after it was published')
    renameSync(cluster.path('a', 'e', 'x'), cluster.path('a', 'x'))
    rmSync(cluster.path('a', 'e'), { recursive: true })
    await producer.done(REMOVE, named('e/x'))
  }
})
