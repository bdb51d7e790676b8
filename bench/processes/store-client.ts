/** Drives stores through their clients. */
import { type BrokerClient, brokerKvs } from '@dyad-ts/kvs-client'
import { answer, timed } from './answer.js'

const NAMESPACE = 'bench'
/** Requests under way at a time. */
const WINDOW = 512

const clients = new Map<string, BrokerClient>()
const value = new Uint8Array(64).fill(100)

function clientOf(url: string): BrokerClient {
  let client = clients.get(url)
  if (client === undefined) {
    client = brokerKvs({ url, callTimeout: 120_000 })
    clients.set(url, client)
  }
  return client
}

/**
 * Keys that look as DYAD's do, without their hash: a million of those would take longer than the
 * store does.
 */
function key(i: number): string {
  const bins = [22, 12, 2].map((shift) => ((Math.imul(i + 1, 2_654_435_761) >>> shift) & 1023).toString(16))
  return `${bins.join('.')}.group0/frame-${String(i).padStart(7, '0')}.dat`
}

/** Keys far from one another, the same ones every time. */
function scattered(i: number, keys: number): number {
  return (Math.imul(i + 1, 2_654_435_761) >>> 0) % keys
}

answer({
  createNamespace: (url: string) => clientOf(url).createNamespace(NAMESPACE),

  /** Puts the keys 0 to `keys` − 1, many at once. */
  async fill(url: string, keys: number) {
    const namespace = clientOf(url).namespace(NAMESPACE)
    let next = 0
    const worker = async () => {
      while (next < keys) await namespace.put(key(next++), value)
    }
    await Promise.all(Array.from({ length: WINDOW }, worker))
  },

  /**
   * Does `count` calls of one kind, one after the other, on keys that there are; tells the
   * nanoseconds.
   */
  call(url: string, operation: 'get' | 'put' | 'waitFor', keys: number, count: number) {
    const namespace = clientOf(url).namespace(NAMESPACE)
    const asked = Array.from({ length: count }, (_, i) => key(scattered(i, keys)))
    return timed(async () => {
      for (const name of asked) {
        if (operation === 'put') await namespace.put(name, value)
        else if ((await namespace[operation](name))?.value.length !== value.length)
          throw new Error(`${name} is missing`)
      }
    })
  },

  /**
   * Begins to wait for keys that nobody puts, and resolves when the store has heard of all of them.
   */
  async wait(url: string, count: number) {
    const namespace = clientOf(url).namespace(NAMESPACE)
    for (let i = 0; i < count; i++) namespace.waitFor(`missing/${key(i)}`).catch(() => {})
    // Requests over one connection are answered in the order in which they come.
    await namespace.get('missing')
  },

  async close(url: string) {
    await clients.get(url)?.close()
    clients.delete(url)
  },
})
