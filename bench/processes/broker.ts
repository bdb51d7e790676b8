/** A store of its own, without a service. */
import { type Broker, startBroker } from '@dyad-ts/kvs-client'
import { answer } from './answer.js'

let broker: Broker

answer({
  async start(data?: string) {
    broker = await startBroker({ port: 0, data })
    return broker.url()
  },
  close: () => broker.close(),
  /** Gives back what memory can be given back; needs --expose-gc. */
  async collect() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
})
