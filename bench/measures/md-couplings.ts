import type { DtlMode } from '@dyad-ts/dyad'
import type { Child } from '../child.js'
import type { BenchFile, Check } from '../contents.js'
import type { Nodes } from '../nodes.js'
import type { Site } from '../site.js'

/**
 * What the pairs do: the frames of each, the milliseconds that one is computed, and how those who
 * read them check.
 */
export interface Setting {
  readonly groups: readonly BenchFile[][]
  readonly computing: number
  readonly check: Check
}

/**
 * Milliseconds of one pair: of the analysis until there were frames, and in the calls that move
 * them; of the simulation in the calls that write them.
 */
export interface Coupling {
  readonly idle: number
  readonly moving: number
  readonly writing: number
}

/** Runs all pairs once; leaves nothing behind. */
export type Couple = () => Promise<Coupling[]>

type Reading = Omit<Coupling, 'writing'>

const POLL_INTERVAL = 10

/** Coupled by DYAD: whoever reads knows nothing of whoever writes. */
export async function coupleWithDyad(
  nodes: Nodes,
  mode: DtlMode,
  { groups, computing, check }: Setting,
): Promise<Couple> {
  const pairs = await Promise.all(
    groups.map(async (_, i) => ({
      producer: await nodes.producer(),
      consumer: await nodes.consumer({ node: `B${i}`, dtlMode: mode }),
    })),
  )
  let round = 0
  return async () => {
    // Frames of earlier rounds are published still, and what is published needs no waiting.
    const prefix = `round${++round}`
    const renamed = groups.map((files) => files.map((file) => ({ ...file, path: `${prefix}/${file.path}` })))
    const couplings = await Promise.all(
      pairs.map(async ({ producer, consumer }, i) => {
        const reading = consumer.ask<Reading>('analyse', renamed[i], check)
        const [read, writing] = await Promise.all([reading, producer.ask<number>('simulate', renamed[i], computing)])
        return { ...read, writing }
      }),
    )
    nodes.clear(pairs.map((_, i) => `b${i}`))
    return couplings
  }
}

/** Without DYAD, in two ways. */
export async function coupleWithoutDyad(site: Site, setting: Setting): Promise<{ byHand: Couple; barrier: Couple }> {
  const pairs = await Promise.all(
    setting.groups.map(async () => ({
      producer: await site.fork('by-hand-producer'),
      consumer: await site.fork('by-hand-consumer'),
    })),
  )
  return { byHand: await coupleByHand(site, pairs, setting), barrier: coupleByBarrier(site, pairs, setting) }
}

type Pairs = readonly { readonly producer: Child; readonly consumer: Child }[]

/**
 * Coupled by hand: an HTTP server that pipes files, and consumers that ask for the next one again
 * and again.
 */
async function coupleByHand(site: Site, pairs: Pairs, { groups, computing, check }: Setting): Promise<Couple> {
  const from = site.empty('hand-a')
  const port = await (await site.fork('by-hand-server')).ask<number>('listen', from)
  return async () => {
    const to = site.empty('hand-b')
    const couplings = await Promise.all(
      pairs.map(async ({ producer, consumer }, i) => {
        const reading = consumer.ask<Reading>('analyse', port, to, groups[i], POLL_INTERVAL, check)
        const [read, writing] = await Promise.all([
          reading,
          producer.ask<number>('simulate', from, groups[i], computing),
        ])
        return { ...read, writing }
      }),
    )
    site.empty('hand-a')
    site.empty('hand-b')
    return couplings
  }
}

/**
 * Coupled by one barrier, on storage that both sides see: nobody reads before everybody has written
 * everything.
 */
function coupleByBarrier(site: Site, pairs: Pairs, { groups, computing, check }: Setting): Couple {
  const shared = site.empty('barrier')
  return async () => {
    const began = performance.now()
    const writing = await Promise.all(
      pairs.map(({ producer }, i) => producer.ask<number>('simulate', shared, groups[i], computing)),
    )
    const idle = performance.now() - began
    const moving = await Promise.all(
      pairs.map(({ consumer }, i) => consumer.ask<number>('readAll', shared, groups[i], check)),
    )
    site.empty('barrier')
    return pairs.map((_, i) => ({ idle, moving: moving[i] as number, writing: writing[i] as number }))
  }
}
