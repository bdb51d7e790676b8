import type { DtlMode } from '@dyad-ts/dyad'
import { assertPerftest, perftest } from '../baselines/perftest.js'
import type { Child } from '../child.js'
import { type BenchFile, frames } from '../contents.js'
import { Nodes, type Options } from '../nodes.js'
import { type Comparison, type Form, GiB, KiB, MiB, NotAvailable, type Part } from '../part.js'
import type { Row, Values } from '../row.js'
import type { Site } from '../site.js'

const LARGE_BYTES = 256 * MiB
const SMALL_BYTES = 40
/** Small files have to be fetched. */
const COMMON: Options = { token: 'bench', inlineLimit: 0, readAhead: 0 }

/**
 * What verbs carry, beside what perftest reaches over the same device, and beside tcp. Needs a
 * verbs device; `npm run guest` has one in software.
 */
export const verbs: Part = {
  name: 'verbs',
  title: 'RDMA over verbs',
  comparisons: (form) => [
    besidePerftest(sizeIn(form)),
    operations(form),
    besideTcp(sizeIn(form)),
    small(form.quick ? 20 : 300),
    beginnings(sizeIn(form)),
  ],
}

function sizeIn({ quick }: Form): number {
  return quick ? 4 * MiB : LARGE_BYTES
}

interface Files {
  readonly large: BenchFile
  readonly tiny: BenchFile
}

/** Programs of one host with a verbs device. */
interface World {
  readonly nodes: Nodes
  readonly consumer: Child
  /** Address of the device. */
  readonly address: string
}

/** A process that can try the device, and the device's address. NotAvailable without one. */
async function deviceOf(site: Site): Promise<{ readonly device: Child; readonly address: string }> {
  const device = await site.fork('verbs')
  const [address] = await device.ask<string[]>('addresses')
  if (address === undefined) throw new NotAvailable('this host has no verbs device that has an address')
  return { device, address }
}

/** A file of `size` bytes, and a tiny one to connect with. */
function filesOf(size: number): Files {
  return {
    large: { ...(frames(1, size)[0] as BenchFile), path: 'large' },
    tiny: frames(1, SMALL_BYTES)[0] as BenchFile,
  }
}

async function worldOf(site: Site, files: readonly BenchFile[]): Promise<World> {
  const { address } = await deviceOf(site)
  const nodes = await Nodes.start(site, { ...COMMON, host: address })
  const consumer = await nodes.consumer()
  await nodes.publish(files)
  return { nodes, consumer, address }
}

/**
 * Nanoseconds in which a consumer that is connected over `dtlMode` has the large file stored, and
 * the user's seconds of processor that both ends took.
 */
async function consumed({ nodes, consumer }: World, site: Site, { large, tiny }: Files, dtlMode: DtlMode) {
  await nodes.reconnect(consumer, { dtlMode })
  await consumer.ask('store', [tiny])
  const before = await userSeconds([nodes.owner, consumer])
  const nanoseconds = await consumer.ask<number>('store', [large])
  const seconds = (await userSeconds([nodes.owner, consumer])) - before
  site.empty('b')
  return { nanoseconds, seconds }
}

async function userSeconds(processes: readonly Child[]): Promise<number> {
  const each = await Promise.all(processes.map((process) => process.ask<number>('userSeconds')))
  return each.reduce((sum, seconds) => sum + seconds, 0)
}

function besidePerftest(size: number): Comparison {
  const title = `${size / MiB} MiB over \`rdma\`, from tmpfs to tmpfs`
  return {
    title,
    rows: [
      {
        title,
        value: 'speed',
        unit: 'MiB/s',
        against: { value: 'speed', title: '`ib_write_bw` of 1 MiB' },
        target: { bound: 'at least', value: 0.95 },
      },
    ],
    needs: 2 * size,
    async prepare(site) {
      await assertPerftest()
      const files = filesOf(size)
      const world = await worldOf(site, Object.values(files))
      return {
        baseline: async () => ({ speed: await perftest(site, world.address, MiB, size) }),
        async measure() {
          const { nanoseconds } = await consumed(world, site, files, 'rdma')
          return { speed: size / MiB / (nanoseconds / 1e9) }
        },
      }
    },
  }
}

function operations({ quick }: Form): Comparison {
  const bytes = 64 * KiB
  const total = quick ? 4 * MiB : 128 * MiB
  const title = 'writes of 64 KiB by the binding, each with a completion'
  return {
    title,
    rows: [
      {
        title,
        value: 'speed',
        unit: 'MiB/s',
        against: { value: 'speed', title: '`ib_write_bw` of 64 KiB' },
        target: { bound: 'at least', value: 0.9 },
      },
    ],
    needs: 0,
    async prepare(site) {
      await assertPerftest()
      const { device, address } = await deviceOf(site)
      return {
        baseline: async () => ({ speed: await perftest(site, address, bytes, total) }),
        measure: async () => ({ speed: (await device.ask<{ speed: number }>('write', bytes, total)).speed }),
      }
    },
  }
}

function besideTcp(size: number): Comparison {
  const title = `${size / MiB} MiB over \`rdma\``
  const row = (what: string, value: string, unit: Row['unit'], target?: Row['target']): Row => ({
    title: `${title}${what}`,
    value,
    unit,
    against: { value, title: '`tcp`' },
    ...(target && { target }),
  })
  return {
    title,
    rows: [
      row('', 'speed', 'MiB/s'),
      row(', user’s processor time of both ends a GiB', 'seconds', 's', { bound: 'at most', value: 0.25 }),
    ],
    needs: 2 * size,
    async prepare(site) {
      const files = filesOf(size)
      const world = await worldOf(site, Object.values(files))
      const round = async (mode: DtlMode): Promise<Values> => {
        const { nanoseconds, seconds } = await consumed(world, site, files, mode)
        return { speed: size / MiB / (nanoseconds / 1e9), seconds: (seconds * GiB) / size }
      }
      return { baseline: () => round('tcp'), measure: () => round('rdma') }
    },
  }
}

function small(count: number): Comparison {
  const title = `consume ${SMALL_BYTES} bytes over a warm connection, a file`
  return {
    title,
    rows: [
      {
        title,
        value: 'file',
        unit: 'µs',
        against: { value: 'file', title: '`tcp`' },
        target: { bound: 'at most', value: 1 },
      },
    ],
    needs: count * 16_384,
    async prepare(site) {
      const files = frames(count + 1, SMALL_BYTES)
      const world = await worldOf(site, files)
      const [first, ...others] = files
      const round = async (dtlMode: DtlMode): Promise<Values> => {
        await world.nodes.reconnect(world.consumer, { dtlMode })
        await world.consumer.ask<number>('store', [first])
        const nanoseconds = await world.consumer.ask<number>('store', others)
        site.empty('b')
        return { file: nanoseconds / 1000 / count }
      }
      return { baseline: () => round('tcp'), measure: () => round('rdma') }
    },
  }
}

function beginnings(size: number): Comparison {
  const title = 'beginning'
  const row = (what: string, value: string): Row => ({
    title: what,
    value,
    unit: 'ms',
    against: { value, title: '`tcp`' },
  })
  return {
    title,
    rows: [
      row(`the first ${SMALL_BYTES} bytes of a session: memory registered, connected, fetched`, 'connect'),
      row(`first byte of ${size / MiB} MiB after that`, 'first'),
    ],
    needs: 2 * size,
    async prepare(site) {
      const { large, tiny } = filesOf(size)
      const world = await worldOf(site, [tiny, large])
      const round = async (dtlMode: DtlMode): Promise<Values> => {
        await world.nodes.reconnect(world.consumer, { dtlMode })
        const connect = await world.consumer.ask<number>('store', [tiny])
        const first = await world.consumer.ask<number>('firstByte', large, 'edges')
        site.empty('b')
        return { connect: connect / 1e6, first: first / 1e6 }
      }
      return { baseline: () => round('tcp'), measure: () => round('rdma') }
    },
  }
}
