import type { BenchFile } from '../contents.js'
import { forgetPeak, memoryOf } from '../memory.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { GiB, MiB, type Part } from '../part.js'

/**
 * What the two ends of the transfer of a huge file take in memory, beyond what they take when idle.
 */
export const memory: Part = {
  name: 'memory',
  title: 'Resident memory',
  comparisons({ quick }) {
    const file: BenchFile = { path: 'huge.dat', size: quick ? 64 * MiB : 4 * GiB, seed: 1 }
    const what = `${quick ? '64 MiB' : '4 GiB'} over \`${NETWORK_MODE}\`, above idle`
    const target = { bound: 'at most', value: 96 } as const
    return [
      {
        title: what,
        warmsUp: false,
        rows: [
          { title: `service, ${what}`, value: 'service', unit: 'MiB', target },
          { title: `consumer, ${what}`, value: 'consumer', unit: 'MiB', target },
        ],
        needs: file.size + (quick ? file.size : 0),
        async prepare(site) {
          const nodes = await Nodes.start(site)
          await nodes.publish([file], { sparse: !quick })
          return {
            async measure() {
              const consumer = await nodes.consumer({ dtlMode: NETWORK_MODE })
              const pids = { service: nodes.owner.pid, consumer: consumer.pid }
              const idle = { service: memoryOf(pids.service).resident, consumer: memoryOf(pids.consumer).resident }
              forgetPeak(pids.service)
              forgetPeak(pids.consumer)
              await consumer.ask('read', [file], 1, quick ? 'all' : 'edges')
              const above = (who: keyof typeof pids) => (memoryOf(pids[who]).peak - idle[who]) / MiB
              const values = { service: above('service'), consumer: above('consumer') }
              await consumer[Symbol.asyncDispose]()
              site.empty('b')
              return values
            },
          }
        },
      },
    ]
  },
}
