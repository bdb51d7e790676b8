import type { BenchFile } from '../contents.js'
import { writtenBy } from '../memory.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { MiB, type Part } from '../part.js'

/**
 * How many copies of a file its owner sends when several nodes fetch it at once, and nodes serve on
 * what they have.
 */
export const fanOut: Part = {
  name: 'fan-out',
  title: 'Fan-out',
  comparisons({ quick }) {
    const count = quick ? 3 : 8
    const file: BenchFile = { path: 'shared.dat', size: (quick ? 4 : 256) * MiB, seed: 1 }
    const title = `${count} nodes fetch one file of ${file.size / MiB} MiB`
    return [
      {
        title,
        warmsUp: false,
        rows: [
          {
            title: `${title}: what its owner sends`,
            value: 'copies',
            unit: 'copies',
            // Two copies, and what is said around them.
            target: { bound: 'at most', value: 2.01 },
          },
          {
            title: `${title}: until all have it`,
            value: 'took',
            unit: 'ms',
          },
        ],
        needs: (count + 1) * file.size,
        async prepare(site) {
          const nodes = await Nodes.start(site, { serveCopies: true })
          const names = Array.from({ length: count }, (_, i) => `B${i + 1}`)
          await Promise.all(names.map((name) => nodes.node(name)))
          const options = (node: string) => ({ node, dtlMode: NETWORK_MODE })
          const apps = await Promise.all(names.map((name) => nodes.consumer(options(name))))
          let round = 0
          return {
            async measure() {
              // A file of its own for each round: where copies of the last one were, the store may
              // still say.
              const fresh = { ...file, path: `round${++round}.dat` }
              await nodes.publish([fresh])
              await Promise.all(apps.map((app, i) => nodes.reconnect(app, options(names[i] as string))))
              const before = writtenBy(nodes.owner.pid)
              const took = await Promise.all(
                apps.map((app) => app.ask<number>('read', [fresh], 1, quick ? 'all' : 'edges')),
              )
              const copies = (writtenBy(nodes.owner.pid) - before) / file.size
              for (const name of names) site.empty(name.toLowerCase())
              site.empty('a')
              return { copies, took: Math.max(...took) / 1e6 }
            },
          }
        },
      },
    ]
  },
}
