import { type BenchFile, frames } from '../contents.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { MiB, type Part } from '../part.js'

const CONSUMERS = 4

/**
 * Several consumers, each with files and a directory of its own, beside one that reads all of them.
 */
export const consumers: Part = {
  name: 'consumers',
  title: 'Several consumers at once',
  comparisons({ quick, concurrency }) {
    const files = frames(quick ? 8 : 64, (quick ? 1 : 16) * MiB)
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    const check = quick ? 'all' : 'edges'
    const title = `${CONSUMERS} consumers, ${files.length} × ${quick ? 1 : 16} MiB over \`${NETWORK_MODE}\`, total`
    return [
      {
        title,
        rows: [
          {
            title,
            value: 'speed',
            unit: 'MiB/s',
            against: { value: 'speed', title: 'one consumer' },
            target: { bound: 'at least', value: 0.95 },
          },
        ],
        needs: 2 * bytes,
        async prepare(site) {
          const nodes = await Nodes.start(site)
          const names = Array.from({ length: CONSUMERS }, (_, i) => `B${i + 1}`)
          const options = (node: string) => ({ node, dtlMode: NETWORK_MODE })
          const [apps] = await Promise.all([
            Promise.all(names.map((name) => nodes.consumer(options(name)))),
            nodes.publish(files),
          ])
          /**
           * The first so many consumers read all files among them; the slowest says how long it
           * took.
           */
          const read = async (count: number) => {
            const share: BenchFile[][] = Array.from({ length: count }, (_, i) =>
              files.filter((_file, j) => j % count === i),
            )
            const readers = apps.slice(0, count)
            await Promise.all(readers.map((app, i) => nodes.reconnect(app, options(names[i] as string))))
            const took = await Promise.all(
              readers.map((app, i) => app.ask<number>('read', share[i], concurrency, check)),
            )
            for (const name of names) site.empty(name.toLowerCase())
            return { speed: bytes / MiB / (Math.max(...took) / 1e9) }
          }
          return { baseline: () => read(1), measure: () => read(CONSUMERS) }
        },
      },
    ]
  },
}
