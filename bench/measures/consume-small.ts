import { pingPong } from '../baselines/ping-pong.js'
import { frames } from '../contents.js'
import { NETWORK_MODE, Nodes, type Options } from '../nodes.js'
import type { Comparison, Part } from '../part.js'
import type { Row } from '../row.js'

const FILE_BYTES = 40
const READ_AHEAD = 64

interface Way {
  readonly how: string
  /** Operation of the consumer. */
  readonly operation: 'read' | 'consume'
  readonly options?: Options
  readonly target: number
  /** Whether what cannot be done without is shown beside it. */
  readonly withBare?: boolean
}

const WAYS: readonly Way[] = [
  { how: 'through DyadReadStream', operation: 'read', target: 1.3 },
  { how: 'by core.consume and readFileSync', operation: 'consume', target: 1.3, withBare: true },
  {
    how: `through DyadReadStream, ${READ_AHEAD} files read ahead`,
    operation: 'read',
    options: { readAhead: READ_AHEAD },
    target: 0.5,
  },
]

const BARE: Row = {
  title: 'a bare round trip, the file stored by bare system calls, and readFileSync',
  value: 'bare',
  unit: 'µs',
  against: { value: 'rtt', title: 'RTT' },
}

/** Small files that were published before, read one after the other. */
export const consumeSmall: Part = {
  name: 'consume-small',
  title: 'Small files, consumed',
  comparisons: ({ quick }) => WAYS.map((way) => comparison(way, quick ? 20 : 1000, quick ? 200 : 5000)),
}

function comparison({ how, operation, options, target, withBare }: Way, count: number, messages: number): Comparison {
  const title = `consume ${FILE_BYTES} bytes ${how}, a file`
  return {
    title,
    rows: [
      {
        title,
        value: 'file',
        unit: 'µs',
        against: { value: 'rtt', title: 'RTT' },
        target: { bound: 'at most', value: target },
      },
      ...(withBare ? [BARE] : []),
    ],
    needs: count * 16_384,
    async prepare(site) {
      const files = frames(count, FILE_BYTES)
      const nodes = await Nodes.start(site)
      const given = { dtlMode: NETWORK_MODE, ...options }
      const consumer = await nodes.consumer(given)
      const [rtt] = await Promise.all([pingPong(site, messages), nodes.publish(files)])
      return {
        baseline: () => rtt.round(),
        async measure() {
          await nodes.reconnect(consumer, given)
          const args = operation === 'read' ? [1, 'all'] : []
          const nanoseconds = await consumer.ask<number>(operation, files, ...args)
          site.empty('b')
          const bare = withBare && { bare: await rtt.bare('consume', count) }
          return { file: nanoseconds / 1000 / count, ...bare }
        },
      }
    },
  }
}
