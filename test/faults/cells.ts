import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf } from '../harness/contents.js'
import type { TestProcess } from '../harness/process.js'
import type { Dice } from './dice.js'
import type { Site, Victim } from './site.js'

export const FAULTS = ['kill', 'freeze'] as const
export type Fault = (typeof FAULTS)[number]

export const MOMENTS = ['before-publish', 'midway', 'after'] as const
export type Moment = (typeof MOMENTS)[number]

/** One cell of the matrix: a fault, its victim and the moment. */
export interface Cell {
  readonly fault: Fault
  readonly moment: Moment
  readonly victim: Victim
}

/** What a read gives: see the operation `read` of the application. */
interface Read {
  readonly size: number
  readonly sha256: string
}

/** A version of a file: its bytes follow from size and seed. */
interface Version {
  readonly size: number
  readonly seed: number
}

const MIB = 2 ** 20
/** The longest freeze, in ms: longer than a lease and than the progress timeout of the site. */
const LONGEST_FREEZE_MS = 1_500
/** A wait that the caller limits to this many ms ends while its store is frozen. */
const CALLER_LIMIT_MS = 200

/** Plays a cell on a site that runs whole, and leaves it so. Throws when a promise is broken. */
export async function play(cell: Cell, path: string, site: Site, dice: Dice): Promise<void> {
  const play = { 'before-publish': beforePublish, midway, after }[cell.moment]
  const newest = await play(cell, path, site, dice)
  assert.deepEqual(await read(site.process('consumer'), path), contentOf(newest), 'the newest version is read')
  assert.equal(await site.digestAtConsumer(path), contentOf(newest).sha256, 'the newest version stands at its path')
}

/** Hits the victim while a consumer waits for a file that is half written. */
async function beforePublish(cell: Cell, path: string, site: Site, dice: Dice): Promise<Version> {
  const { fault, victim } = cell
  const version = { size: dice.pick([40, 5_000, 300_000, 3 * MIB]), seed: dice.integer(1, 1e6) }
  const { reading, isWaiting } = readThatWaits(site.process('consumer'), path)
  await isWaiting
  const writing = halfWritten(site.process('producer'), path, version)
  await writing.isHalf
  const recover = await strike(cell, site, dice)
  if (victim === 'broker' && fault === 'freeze') await endsWithinLimit(site, path)
  if (victim !== 'producer') await site.process('producer').ask('proceed')
  await recover()
  if (victim === 'producer' && fault === 'kill') {
    await assert.rejects(writing.done, 'a killed producer does not finish')
    assert.equal(await site.process('producer').ask('lookup', path), undefined, 'it has published nothing')
    await write(site.process('producer'), path, version)
  } else {
    if (victim === 'producer') await site.process('producer').ask('proceed')
    await writing.done
  }
  if (victim === 'consumer' && fault === 'kill') await assert.rejects(reading, 'a killed consumer does not finish')
  else assert.deepEqual(await reading, contentOf(version), 'the open that waited reads the file')
  return version
}

/** Hits the victim while bytes are on their way, and while the producer writes the next version. */
async function midway(cell: Cell, path: string, site: Site, dice: Dice): Promise<Version> {
  const { fault, victim } = cell
  const first = { size: dice.integer(2 * MIB, 5 * MIB), seed: dice.integer(1, 1e6) }
  const second = { size: dice.pick([40, 5_000, 3 * MIB]), seed: dice.integer(1, 1e6) }
  const consumer = site.process('consumer')
  await write(site.process('producer'), path, first)
  const consuming = consumer.ask('consume', path, { pauseAt: dice.integer(1, first.size) })
  consuming.catch(() => {})
  // Nothing is midway where the system copies the file at once, or where it was fetched ahead.
  const isMidway = await Promise.race([
    consumer.noted('paused', (at) => at === path).then(() => true),
    consuming.then(() => false),
  ])
  const writing = halfWritten(site.process('producer'), path, second)
  await writing.isHalf
  const recover = await strike(cell, site, dice)
  if (victim === 'consumer' && fault === 'freeze') await anotherReads(site, path, first)
  const isCutOff = isMidway && victim === 'consumer' && fault === 'kill'
  if (isCutOff) await assert.rejects(consuming, 'a killed consumer does not finish')
  else if (isMidway) consumer.unblock()
  await recover()
  if (!isCutOff) await consuming
  if (victim === 'producer' && fault === 'kill') {
    await assert.rejects(writing.done, 'a killed producer does not finish')
    return first
  }
  await site.process('producer').ask('proceed')
  await writing.done
  return second
}

/**
 * Hits the victim once a consumer has read the file; meanwhile the producer writes the next
 * version.
 */
async function after(cell: Cell, path: string, site: Site, dice: Dice): Promise<Version> {
  const [first, second] = [1, 2].map(() => ({
    size: dice.pick([0, 40, 5_000, 300_000, 3 * MIB]),
    seed: dice.integer(1, 1e6),
  })) as [Version, Version]
  await write(site.process('producer'), path, first)
  assert.deepEqual(await read(site.process('consumer'), path), contentOf(first), 'the first version is read')
  const recover = await strike(cell, site, dice)
  if (cell.victim === 'producer') await recover()
  const writing = write(site.process('producer'), path, second)
  if (cell.victim !== 'producer') await recover()
  await writing
  return second
}

/**
 * Kills or freezes the victim; resolves with a function that starts or thaws it again after a
 * while.
 */
async function strike({ fault, victim }: Cell, site: Site, dice: Dice): Promise<() => Promise<void>> {
  const hit = site.process(victim)
  if (fault === 'kill') {
    await hit.kill()
    return async () => {
      await site.startAgain(victim)
    }
  }
  hit.freeze()
  return async () => {
    await sleep(dice.integer(0, LONGEST_FREEZE_MS))
    hit.resume()
  }
}

/** An application of the same node reads the file while the one that fetches it is frozen. */
async function anotherReads(site: Site, path: string, version: Version): Promise<void> {
  const another = await site.anotherConsumer()
  assert.deepEqual(await read(another, path), contentOf(version), 'another consumer reads beside a frozen one')
  await another.ask('close')
  await another.kill()
}

/** A wait that its caller limits ends, whatever is frozen. */
async function endsWithinLimit(site: Site, path: string): Promise<void> {
  const limited = site.process('consumer').ask('read', `${path}.never`, { timeout: CALLER_LIMIT_MS })
  // The time limit of the store's client ends a wait with the same code, seconds later.
  const expected = { code: 'ERR_DYAD_KVS_UNREACHABLE', message: new RegExp(`in ${CALLER_LIMIT_MS} ms`) }
  await assert.rejects(limited, expected, 'a limited wait ends while the store is frozen')
}

function read(consumer: TestProcess, path: string): Promise<Read> {
  return consumer.ask<Read>('read', path)
}

function write(producer: TestProcess, path: string, { size, seed }: Version): Promise<unknown> {
  return producer.ask('write', path, size, seed)
}

function readThatWaits(consumer: TestProcess, path: string): { reading: Promise<Read>; isWaiting: Promise<unknown> } {
  const reading = read(consumer, path)
  reading.catch(() => {})
  return { reading, isWaiting: consumer.noted('waiting', (at) => at === path) }
}

function halfWritten(
  producer: TestProcess,
  path: string,
  { size, seed }: Version,
): { done: Promise<unknown>; isHalf: Promise<unknown> } {
  const done = producer.ask('write', path, size, seed, { halves: true })
  done.catch(() => {})
  return { done, isHalf: producer.noted('half written', (at) => at === path) }
}

function contentOf({ size, seed }: Version): Read {
  return { size, sha256: digestOf(size, seed) }
}
