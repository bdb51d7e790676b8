import { memoryOf } from '../memory.js'
import { type Comparison, MiB, type Part } from '../part.js'
import { countOf } from '../table.js'

const VALUE_BYTES = 64

/** What a record, and a wait, take of the memory of the broker's process. */
export const storeMemory: Part = {
  name: 'store-memory',
  title: "Broker's memory",
  comparisons: ({ quick }) => [
    comparison(
      (count) => `a record of ${VALUE_BYTES} bytes at ${countOf(count)}, beyond the value`,
      'fill',
      quick ? 2000 : 1_000_000,
      VALUE_BYTES,
      400,
    ),
    comparison((count) => `a blocked wait at ${countOf(count)}`, 'wait', quick ? 500 : 100_000, 0, 1024),
  ],
}

function comparison(
  title: (count: number) => string,
  operation: 'fill' | 'wait',
  count: number,
  beyond: number,
  target: number,
): Comparison {
  return {
    title: title(count),
    warmsUp: false,
    rows: [{ title: title(count), value: 'each', unit: 'B', target: { bound: 'at most', value: target } }],
    needs: MiB,
    async prepare(site) {
      return {
        // A broker of its own for each round: memory that was used once is not all given back.
        async measure() {
          const [broker, client] = await Promise.all([site.fork('broker', ['--expose-gc']), site.fork('store-client')])
          try {
            const url = await broker.ask<string>('start')
            await client.ask('createNamespace', url)
            const resident = async () => {
              await broker.ask('collect')
              return memoryOf(broker.pid).resident
            }
            const idle = await resident()
            await client.ask(operation, url, count)
            return { each: ((await resident()) - idle) / count - beyond }
          } finally {
            await client[Symbol.asyncDispose]()
            await broker[Symbol.asyncDispose]()
          }
        },
      }
    },
  }
}
