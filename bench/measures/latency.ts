import { pingPong } from '../baselines/ping-pong.js'
import { frames } from '../contents.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import type { Part } from '../part.js'
import { quantile } from '../statistics.js'

const FILE_BYTES = 40

/**
 * How long after a producer closed a file the open of a consumer returns that waited for it. The
 * two processes share the kernel's monotonic clock.
 */
export const latency: Part = {
  name: 'latency',
  title: 'Close to open',
  comparisons({ quick }) {
    const count = quick ? 10 : 300
    const against = { value: 'rttMedian', title: 'RTT' }
    return [
      {
        title: 'close → blocked open returns',
        rows: [
          {
            title: 'close → blocked open returns, median',
            value: 'median',
            unit: 'µs',
            against,
            target: { bound: 'at most', value: 1.3 },
          },
          {
            title: 'close → blocked open returns, 95th percentile',
            value: 'p95',
            unit: 'µs',
            against,
            target: { bound: 'at most', value: 2.5 },
          },
        ],
        needs: count * 16_384,
        async prepare(site) {
          const nodes = await Nodes.start(site)
          const [producer, consumer, rtt] = await Promise.all([
            nodes.producer(),
            nodes.consumer({ dtlMode: NETWORK_MODE }),
            pingPong(site, quick ? 200 : 5000),
          ])
          let round = 0
          return {
            baseline: () => rtt.round(),
            async measure() {
              const took: number[] = []
              for (const file of frames(count, FILE_BYTES, `round${++round}`)) {
                const opened = consumer.ask<bigint>('open', file)
                await consumer.noted('waiting', opened)
                const closed = await producer.ask<bigint>('close', file)
                took.push(Number((await opened) - closed) / 1000)
              }
              return { median: quantile(took, 0.5), p95: quantile(took, 0.95) }
            },
          }
        },
      },
    ]
  },
}
