import { cpSync, readFileSync, rmSync } from 'node:fs'
import type { FileRecord } from '@dyad-ts/core'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'

/** Beyond what travels in a record. */
const SIZE = 100_000
/** A consumer waits for a frozen owner as long as the store takes to come back. */
const PATIENT = { ownerTimeout: 600_000, progressTimeout: 600_000 }
/**
 * A clock that stands still, so that the store gives the same revisions to the same requests,
 * however long each start takes.
 */
const STILL = `Object.defineProperty(performance,'timeOrigin',{get:()=>${Date.UTC(2020, 0, 1)}-performance.now()})`

test('what a store that was restored from an older copy gives the same revision is told apart', async (t) => {
  const cluster = await Cluster.prepare(t)
  const [data, copy] = [cluster.path('data'), cluster.path('copy')]
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(STILL)}` }
  const startStore = () => cluster.node('K', { broker: true, data, directories: [] }, env)
  const restore = () => {
    rmSync(data, { recursive: true })
    cpSync(copy, data, { recursive: true })
  }
  const first = await startStore()
  await cluster.createNamespace()
  await cluster.node('A')
  const [producer, consumer] = [await cluster.producer(), await cluster.consumer()]
  await producer.ask('write', 'before', 10, 1)
  await first.kill()
  cpSync(data, copy, { recursive: true })

  const second = await startStore()
  const original = await producer.ask<FileRecord>('write', 'x', SIZE, 2)
  t.strictSame(await consumer.ask('read', 'x'), { size: SIZE, sha256: digestOf(SIZE, 2) })
  await second.kill()
  restore()
  await startStore()
  const again = await producer.ask<FileRecord>('write', 'x', SIZE, 3)
  t.equal(again.generation, original.generation, 'the number is given twice')
  t.not(again.epoch, original.epoch)
  t.strictSame(await consumer.ask('read', 'x'), { size: SIZE, sha256: digestOf(SIZE, 3) }, 'to who noted the other')
  const late = await cluster.consumer()
  t.strictSame(await late.ask('read', 'x'), { size: SIZE, sha256: digestOf(SIZE, 3) }, 'and to another process')
  t.ok(readFileSync(cluster.path('b', 'x')).equals(readFileSync(cluster.path('a', 'x'))))
  t.strictSame(await consumer.ask('lookup', 'x'), again)
})

test('two files of one number do not share a transfer', async (t) => {
  const cluster = await Cluster.prepare(t)
  const [data, copy] = [cluster.path('data'), cluster.path('copy')]
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(STILL)}` }
  const startStore = () => cluster.node('K', { broker: true, data, directories: [] }, env)
  const first = await startStore()
  await cluster.createNamespace()
  const owner = await cluster.node('A')
  // Over the local transport the frozen owner would have no part in the transfer.
  const [producer, consumer] = [await cluster.producer(), await cluster.consumer({ dtlMode: 'rpc', ...PATIENT })]
  await producer.ask('write', 'before', 10, 1)
  await first.kill()
  cpSync(data, copy, { recursive: true })
  const second = await startStore()
  const original = await producer.ask<FileRecord>('write', 'x', SIZE, 2)
  await consumer.ask('lookup', 'x')
  owner.freeze()
  const early = consumer.ask('read', 'x')
  t.strictSame(await consumer.ask('lookup', 'x'), original, 'its transfer has begun')
  await second.kill()
  rmSync(data, { recursive: true })
  cpSync(copy, data, { recursive: true })
  await startStore()
  const again = await producer.ask<FileRecord>('write', 'x', SIZE, 3)
  t.equal(again.generation, original.generation, 'the number is given twice')
  const late = consumer.ask('read', 'x')
  t.strictSame(await consumer.ask('lookup', 'x'), again)
  owner.resume()
  const expected = { size: SIZE, sha256: digestOf(SIZE, 3) }
  t.strictSame(await late, expected)
  t.strictSame(await early, expected, 'the earlier reader gets what replaced its file')
})
