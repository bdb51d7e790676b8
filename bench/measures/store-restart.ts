import type { Part } from '../part.js'
import { countOf } from '../table.js'

/**
 * How long a durable store with many records takes from the start of its process until it answers.
 */
export const storeRestart: Part = {
  name: 'store-restart',
  title: "Broker's restart",
  comparisons({ quick }) {
    const records = quick ? 2000 : 1_000_000
    const title = `restart with ${countOf(records)} records, until the first answer`
    return [
      {
        title,
        warmsUp: false,
        rows: [
          {
            title,
            value: 'answer',
            unit: 's',
            target: { bound: 'at most', value: 10 },
          },
        ],
        needs: records * 1024,
        async prepare(site) {
          const data = site.empty('data')
          const [client, first] = await Promise.all([site.fork('store-client'), site.fork('broker')])
          const url = await first.ask<string>('start', data)
          await client.ask('createNamespace', url)
          await client.ask('fill', url, records)
          await client.ask('close', url)
          await first[Symbol.asyncDispose]()
          return {
            async measure() {
              const began = performance.now()
              const broker = await site.fork('broker')
              const address = await broker.ask<string>('start', data)
              await client.ask('call', address, 'get', records, 1)
              const answer = (performance.now() - began) / 1000
              await client.ask('close', address)
              await broker[Symbol.asyncDispose]()
              return { answer }
            },
          }
        },
      },
    ]
  },
}
