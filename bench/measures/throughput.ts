import { join } from 'node:path'
import type { DtlMode } from '@dyad-ts/dyad'
import { copy } from '../baselines/copy.js'
import { tcpStream } from '../baselines/tcp-stream.js'
import { frames } from '../contents.js'
import { Nodes } from '../nodes.js'
import { type Comparison, type Form, MiB, type Part } from '../part.js'
import type { Row, Target } from '../row.js'

interface Load {
  readonly count: number
  readonly size: number
}

const LOADS: readonly Load[] = [
  { count: 8, size: 256 * MiB },
  { count: 64, size: 16 * MiB },
]
const QUICK_LOADS: readonly Load[] = [
  { count: 2, size: 4 * MiB },
  { count: 4, size: MiB },
]

/**
 * Files of node A, read by a consumer on node B through streams: moved, stored and read, beside one
 * plain stream or copy of as many bytes.
 */
function throughput(mode: DtlMode, title: string, target: Target): Part {
  return {
    name: mode,
    title,
    comparisons: (form) => (form.quick ? QUICK_LOADS : LOADS).map((load) => comparison(mode, load, target, form)),
  }
}

function comparison(mode: DtlMode, { count, size }: Load, target: Target, form: Form): Comparison {
  const bytes = count * size
  const title = `${count} × ${size / MiB} MiB over \`${mode}\``
  const against = { value: 'speed', title: mode === 'local' ? '`cp --reflink=auto`' : 'C stream' }
  const row = (value: string, how: string, bound?: Target): Row => ({
    title: `${title}${how}`,
    value,
    unit: 'MiB/s',
    against,
    ...(bound && { target: bound }),
  })
  return {
    title,
    rows: [
      row('lent', ', lent', target),
      row('own', '', target),
      // What this machine has to give: judged by nothing.
      ...(mode === 'tcp' ? [row('inC', ', all of it in C')] : []),
    ],
    needs: 2 * bytes,
    async prepare(site) {
      const files = frames(count, size)
      const nodes = await Nodes.start(site)
      const options = { dtlMode: mode }
      const consumer = await nodes.consumer(options)
      const [stream] = await Promise.all([mode === 'local' ? undefined : tcpStream(site), nodes.publish(files)])
      const check = form.quick ? 'all' : 'edges'
      const read = async (how: 'lent' | 'own') => {
        await nodes.reconnect(consumer, options)
        const nanoseconds = await consumer.ask<number>('read', files, form.concurrency, check, how)
        site.empty('b')
        return bytes / MiB / (nanoseconds / 1e9)
      }
      return {
        baselineTitle: stream?.title,
        async baseline() {
          return { speed: await (stream?.round(bytes) ?? copy(site, nodes.produced, files)) }
        },
        async measure() {
          const lent = await read('lent')
          const own = await read('own')
          const inC =
            mode === 'tcp' ? await stream?.whole?.(bytes, join(nodes.produced, files[0]?.path ?? '')) : undefined
          return { lent, own, ...(inC !== undefined && { inC }) }
        },
      }
    },
  }
}

export const tcp = throughput('tcp', 'Throughput over `tcp`', { bound: 'at least', value: 1 })
export const rpc = throughput('rpc', 'Throughput over `rpc`', { bound: 'at least', value: 0.6 })
export const local = throughput('local', 'Throughput with `local`', { bound: 'at least', value: 1 })
