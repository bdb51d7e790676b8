import type { BenchFile } from '../contents.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { GiB, MiB, type Part } from '../part.js'

/** How long a reader waits for the first bytes of a large file, beside those of a small one. */
export const firstByte: Part = {
  name: 'first-byte',
  title: 'First byte',
  comparisons({ quick }) {
    const large: BenchFile = { path: 'large.dat', size: quick ? 8 * MiB : GiB, seed: 1 }
    const small: BenchFile = { path: 'small.dat', size: MiB, seed: 2 }
    const title = `first byte of ${quick ? '8 MiB' : '1 GiB'} over \`${NETWORK_MODE}\``
    return [
      {
        title,
        rows: [
          {
            title,
            value: 'first',
            unit: 'ms',
            against: { value: 'first', title: 'first byte of 1 MiB' },
            target: { bound: 'at most', value: 2 },
          },
        ],
        needs: large.size + 2 * small.size,
        async prepare(site) {
          const nodes = await Nodes.start(site)
          const [consumer] = await Promise.all([nodes.consumer(), nodes.publish([large, small], { sparse: !quick })])
          const open = async (file: BenchFile) => {
            await nodes.reconnect(consumer, { dtlMode: NETWORK_MODE })
            const first = await consumer.ask<number>('firstByte', file, quick ? 'all' : 'edges')
            site.empty('b')
            return { first: first / 1e6 }
          }
          return { baseline: () => open(small), measure: () => open(large) }
        },
      },
    ]
  },
}
