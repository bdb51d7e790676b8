import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'

test('a watch tells what is there, then what is published, again when it is, and misses nothing over a restart', async (t) => {
  const cluster = await Cluster.prepare(t)
  const broker = () => cluster.node('K', { broker: true, data: cluster.path('data'), directories: [] })
  const first = await broker()
  await cluster.createNamespace()
  const [producer, watcher] = await Promise.all([cluster.producer(), cluster.consumer()])
  const publish = (...paths: string[]) => Promise.all(paths.map((path) => producer.ask('write', path, 10, 1)))
  const told = (path: string) => watcher.noted('watched', (found) => found === path)

  await publish('run/0.bin', 'run/1.bin', 'run/0.txt', 'other/0.bin')
  const watching = watcher.ask<string[]>('watch', 'run/*.bin', 8)
  await Promise.all([told('run/0.bin'), told('run/1.bin')])

  await publish('run/2.bin')
  await told('run/2.bin')
  await publish('run/2.txt', 'run/deeper/3.bin', 'run/2.bin', 'run/3.bin')
  await told('run/3.bin')

  await first.kill()
  await broker()
  // Whether the watcher or the producer is back first, each of them is told.
  await publish('run/4.bin', 'run/5.bin', 'run/0.bin')

  const paths = await watching
  t.strictSame(paths.slice(0, 2).sort(), ['run/0.bin', 'run/1.bin'], 'what was there comes first')
  t.equal(paths[2], 'run/2.bin')
  t.strictSame(paths.slice(3, 5).sort(), ['run/2.bin', 'run/3.bin'], 'what is published again is told again')
  t.strictSame(paths.slice(5).sort(), ['run/0.bin', 'run/4.bin', 'run/5.bin'], 'all of it, and nothing twice')
})
