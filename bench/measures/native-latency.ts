import { setTimeout as sleep } from 'node:timers/promises'
import { pingPong } from '../baselines/ping-pong.js'
import type { Comparison, Form } from '../part.js'
import type { Row, Values } from '../row.js'
import type { Site } from '../site.js'
import { quantile } from '../statistics.js'
import { bestOf } from '../worlds/best.js'
import { everyDyadInC } from '../worlds/dyad-in-c.js'
import { FilesProgram, type Load } from '../worlds/files-program.js'
import { preloaded } from '../worlds/preloaded.js'
import type { World } from '../worlds/world.js'

/**
 * How long after a consumer is about to open a file its producer goes on, in ms: it waits by then.
 */
const PAUSE_MS = 10

/** How long after the call of fclose the fopen of another program returns that waited for it. */
export function latency({ quick, dyad }: Form): Comparison {
  const load = { count: quick ? 10 : 200, bytes: 40 }
  const title = 'C programs, fclose called → blocked fopen returns'
  const row = (what: string, value: string, target: number): Row => ({
    title: `${title}, ${what}`,
    value,
    unit: 'µs',
    against: { value, title: 'DYAD in C, the best mode for it' },
    target: { bound: 'at most', value: target },
  })
  return {
    title,
    rows: [row('median', 'median', 0.2), row('95th percentile', 'p95', 0.3)],
    needs: 98_304_000,
    async prepare(site) {
      const files = await FilesProgram.compile(site)
      const ours = await preloaded(site)
      if (!quick) await files.warmUp(ours)
      const baseline = dyad === undefined ? await roundTrips(site, quick) : await dyads(site, dyad, files, load)
      return {
        baselineTitle: dyad === undefined ? 'RTT' : undefined,
        standsIn: dyad === undefined,
        baseline,
        measure: () => round(files, ours, load),
      }
    },
  }
}

async function roundTrips(site: Site, quick: boolean): Promise<() => Promise<Values>> {
  const rtt = await pingPong(site, quick ? 200 : 5000)
  return async () => {
    const { rttMedian = Number.NaN } = await rtt.round()
    return { median: rttMedian, p95: rttMedian }
  }
}

async function dyads(site: Site, prefix: string, files: FilesProgram, load: Load): Promise<() => Promise<Values>> {
  const worlds = await everyDyadInC(site, prefix)
  return () => bestOf(worlds, (world) => round(files, world, load), Math.min)
}

async function round(files: FilesProgram, world: World, load: Load) {
  await world.begin()
  const group = files.newGroup()
  const producer = await files.start('produce-each', world.producer, group, load)
  const consumer = await files.start('consume-each', world.consumer, group, load)
  producer.go()
  consumer.go()
  const took: number[] = []
  for (let i = 0; i < load.count; i++) {
    const said = await consumer.line()
    if (said !== 'open') throw new Error(`the consumer says '${said}' instead of 'open'`)
    await sleep(PAUSE_MS)
    producer.go()
    const closed = await producer.time()
    const opened = await consumer.time()
    if (opened < closed) throw new Error(`the open of file ${i + 1} returns before it is closed, in ${world.name}`)
    took.push((opened - closed) / 1000)
  }
  await Promise.all([producer.end(), consumer.end()])
  world.clear()
  return { median: quantile(took, 0.5), p95: quantile(took, 0.95) }
}
