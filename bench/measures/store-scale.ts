import type { Part } from '../part.js'
import { MiB } from '../part.js'
import type { Row } from '../row.js'
import { countOf } from '../table.js'

const OPERATIONS = ['get', 'put', 'waitFor'] as const

/** Whether the store is as fast with many keys as with few. */
export const storeScale: Part = {
  name: 'store-scale',
  title: 'Store with many keys',
  comparisons({ quick }) {
    const few = quick ? 100 : 1000
    const many = quick ? 2000 : 1_000_000
    const calls = quick ? 100 : 5000
    const rows = OPERATIONS.map(
      (operation): Row => ({
        title: `${operation} with ${countOf(many)} keys`,
        value: operation,
        unit: 'µs',
        against: { value: operation, title: `with ${countOf(few)}` },
        target: { bound: 'at most', value: 1.1 },
      }),
    )
    return [
      {
        title: `${countOf(many)} keys beside ${countOf(few)}`,
        rows,
        needs: MiB,
        async prepare(site) {
          const client = await site.fork('store-client')
          const filled = async (keys: number) => {
            const url = await (await site.fork('broker')).ask<string>('start')
            await client.ask('createNamespace', url)
            await client.ask('fill', url, keys)
            return url
          }
          const [small, large] = await Promise.all([filled(few), filled(many)])
          /** Each kind of call in its turn. */
          const call = async (url: string, keys: number) => {
            const took = { get: 0, put: 0, waitFor: 0 }
            for (const operation of OPERATIONS) {
              const nanoseconds = await client.ask<number>('call', url, operation, keys, calls)
              took[operation] = nanoseconds / 1000 / calls
            }
            return took
          }
          return { baseline: () => call(small, few), measure: () => call(large, many) }
        },
      },
    ]
  },
}
