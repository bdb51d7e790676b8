import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Diagnostics } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { TestProcess } from '../../harness/process.js'

const SIZE = 8_000_000
const LONG = 600_000

/**
 * Freezes a consumer in the middle of a transfer, or with all bytes here and the file not in place
 * yet.
 */
async function frozenAt(consumer: TestProcess, path: string, pauseAt: number): Promise<[Promise<string>]> {
  const consuming = consumer.ask<string>('consume', path, { pauseAt })
  consuming.catch(() => {})
  await consumer.noted('paused', (as) => as === path)
  consumer.freeze()
  return [consuming]
}

function thaw(consumer: TestProcess): void {
  consumer.unblock()
  consumer.resume()
}

function digestAt(local: string): string {
  return createHash('sha256').update(readFileSync(local)).digest('hex')
}

test('a consumer that is frozen midway holds nobody up, and ends well when it goes on', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc', progressTimeout: 500, ownerTimeout: LONG })
  const [producer, first, second] = await Promise.all([cluster.producer(), cluster.consumer(), cluster.consumer()])
  await producer.ask('write', 'x', SIZE, 1)
  for (const pauseAt of [1, SIZE]) {
    const [consuming] = await frozenAt(first, 'x', pauseAt)
    const local = await second.ask<string>('consume', 'x')
    t.equal(digestAt(local), digestOf(SIZE, 1))
    const [told] = second.notes<Diagnostics['dyad.consumer.overtaken']>('dyad.consumer.overtaken').slice(-1)
    t.match(told, { record: { path: 'x' }, holder: new RegExp(`^process ${first.pid} on host `) })
    thaw(first)
    t.equal(await consuming, local)
    t.equal(digestAt(local), digestOf(SIZE, 1))
    t.same(cluster.files('b'), ['x'])
    await producer.ask('write', 'x', SIZE, 1)
  }
})

test('what a frozen consumer has of an older generation never takes the place of a newer one', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc', progressTimeout: 500, ownerTimeout: LONG })
  const [producer, first, second] = await Promise.all([cluster.producer(), cluster.consumer(), cluster.consumer()])
  for (const [round, pauseAt] of [1, SIZE].entries()) {
    await producer.ask('write', 'x', SIZE, 10 + round)
    const [consuming] = await frozenAt(first, 'x', pauseAt)
    await producer.ask('write', 'x', SIZE, 20 + round)
    const local = await second.ask<string>('consume', 'x')
    t.equal(digestAt(local), digestOf(SIZE, 20 + round))
    thaw(first)
    t.equal(await consuming, local, 'it gets the newer one, too')
    t.equal(digestAt(local), digestOf(SIZE, 20 + round))
    t.same(cluster.files('b'), ['x'])
  }
})

test('limits are kept behind a frozen consumer, and a killed one is not waited for', async (t) => {
  const { cluster } = await Cluster.start(t, { dtlMode: 'rpc', progressTimeout: LONG, ownerTimeout: LONG })
  const [producer, first, second] = await Promise.all([cluster.producer(), cluster.consumer(), cluster.consumer()])
  await producer.ask('write', 'x', SIZE, 1)
  const [consuming] = await frozenAt(first, 'x', 1)
  const leaving = second.ask('consume', 'x', { abort: 'enough' })
  await second.ask('abort', 'enough')
  await t.rejects(leaving, { message: /^aborted enough$/ })
  const waiting = second.ask<string>('consume', 'x')
  await Promise.all([first.kill(), t.rejects(consuming)])
  t.equal(digestAt(await waiting), digestOf(SIZE, 1))
})
