import type { Values } from '../part.js'
import type { Site } from '../site.js'

/** A message to and fro over a raw TCP socket between two Node processes, the unit (RTT) of everything that is about small files. */
export interface PingPong {
  /** One round; `rtt` is the mean, `rttMedian` the median, in µs. */
  round(): Promise<Values>
}

export async function pingPong(site: Site, messages: number): Promise<PingPong> {
  const [pong, ping] = await Promise.all([site.fork('pong'), site.fork('ping')])
  await ping.ask('connect', await pong.ask<number>('listen'))
  return { round: () => ping.ask<Values>('exchange', messages) }
}
