import { pingPong } from '../baselines/ping-pong.js'
import { frames } from '../contents.js'
import { Nodes } from '../nodes.js'
import type { Comparison, Part } from '../part.js'
import type { Row } from '../row.js'

const FILE_BYTES = 40

const BARE: Row = {
  title: 'the file made by bare system calls, and a bare round trip',
  value: 'bare',
  unit: 'µs',
  against: { value: 'rtt', title: 'RTT' },
}

/** Small files, written through DyadWriteStream one after the other. */
export const produceSmall: Part = {
  name: 'produce-small',
  title: 'Small files, produced',
  comparisons: ({ quick }) => [
    comparison('each published before the next', false, 1.3, quick),
    comparison('asyncPublish, with the final flush', true, 0.3, quick),
  ],
}

function comparison(how: string, asyncPublish: boolean, target: number, quick: boolean): Comparison {
  const count = quick ? 20 : 1000
  const title = `produce ${FILE_BYTES} bytes, ${how}, a file`
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
      ...(asyncPublish ? [] : [BARE]),
    ],
    needs: count * 16_384,
    async prepare(site) {
      const nodes = await Nodes.start(site)
      const [producer, consumer, rtt] = await Promise.all([
        nodes.producer({ asyncPublish }),
        nodes.consumer(),
        pingPong(site, quick ? 200 : 5000),
      ])
      let round = 0
      return {
        baseline: () => rtt.round(),
        async measure() {
          const files = frames(count, FILE_BYTES, `round${++round}`)
          const nanoseconds = await producer.ask<number>('produce', files)
          // That they are published, and right, is seen from elsewhere.
          await consumer.ask('read', quick ? files : files.slice(-1), 1, 'all')
          const bare = !asyncPublish && { bare: await rtt.bare('produce', count) }
          return { file: nanoseconds / 1000 / count, ...bare }
        },
      }
    },
  }
}
