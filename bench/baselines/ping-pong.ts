import type { Values } from '../row.js'
import type { Site } from '../site.js'

/**
 * A message to and fro over a raw TCP socket between two Node processes, the unit (RTT) of
 * everything that is about small files.
 */
export interface PingPong {
  /** One round; `rtt` is the mean, `rttMedian` the median, in µs. */
  round(): Promise<Values>
  /**
   * The µs a file that a bare round trip and the calls of the system take which a small file cannot
   * do without: to make it and tell of it, or to ask, store and read it.
   */
  bare(what: 'produce' | 'consume', files: number): Promise<number>
}

export async function pingPong(site: Site, messages: number): Promise<PingPong> {
  const [pong, ping] = await Promise.all([site.fork('pong'), site.fork('ping')])
  await ping.ask('connect', await pong.ask<number>('listen'))
  return {
    round: () => ping.ask<Values>('exchange', messages),
    async bare(what, files) {
      const nanoseconds = await ping.ask<number>(what, site.empty('bare'), files)
      site.empty('bare')
      return nanoseconds / 1000 / files
    },
  }
}
