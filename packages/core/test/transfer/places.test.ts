import { once } from 'node:events'
import { test } from 'tap'
import type { DyadError } from '../../src/errors.js'
import { type PlaceHolder, Places } from '../../src/transfer/places.js'

/** A transfer that notes why it was ended. */
class Holder implements PlaceHolder {
  readonly #stop = new AbortController()
  readonly signal = this.#stop.signal

  get reason(): DyadError | undefined {
    return this.signal.reason
  }

  endIdle(reason: DyadError): void {
    this.#stop.abort(reason)
  }

  /** Resolves when it is ended. */
  async ended(): Promise<void> {
    if (!this.signal.aborted) await once(this.signal, 'abort')
  }
}

/** Rests until it is told to go on, or for ever. */
function reader(): { read: Promise<void>; goOn: () => void } {
  let goOn = () => {}
  const read = new Promise<void>((resolve) => {
    goOn = resolve
  })
  return { read, goOn }
}

/** Takes a place for a transfer whose reader takes nothing. */
async function restFor(places: Places): Promise<Holder> {
  const holder = new Holder()
  const place = await places.take(holder)
  void place.rest(Promise.race([reader().read, holder.ended()]))
  return holder
}

test('transfers whose readers take nothing leave their places to others, however many they are', async (t) => {
  const places = new Places({ atWork: 2 })
  const resting = await Promise.all(Array.from({ length: 500 }, () => restFor(places)))
  const working = [await places.take(new Holder()), await places.take(new Holder())]
  t.equal(working.length, 2)
  let third = 'waits'
  const waiting = places.take(new Holder()).then((place) => {
    third = 'has a place'
    return place
  })
  await new Promise(setImmediate)
  t.equal(third, 'waits', 'those at work hold theirs')
  working[0]?.leave()
  working[0]?.leave()
  await waiting
  t.equal(resting.filter(({ reason }) => reason !== undefined).length, 0)
})

test('whoever rested goes on when there is a place', async (t) => {
  const places = new Places({ atWork: 1 })
  const { read, goOn } = reader()
  const place = await places.take(new Holder())
  let isBack = false
  const back = place.restAndResume(read).then(() => {
    isBack = true
  })
  const other = await places.take(new Holder())
  goOn()
  await new Promise(setImmediate)
  t.notOk(isBack)
  other.leave()
  await back
  t.ok(isBack)
  place.leave()
  await places.take(new Holder())
})

test('the one that has rested longest is ended where others need what it holds, once it has had its time', async (t) => {
  const patient = new Places({ patienceMs: 2 ** 31 - 1 })
  t.notOk(patient.reclaim(), 'nobody rests')
  const one = await restFor(patient)
  t.notOk(patient.reclaim(), 'it has not rested for long')
  t.equal(one.reason, undefined)
  const places = new Places({ patienceMs: 0 })
  const [first, second] = [await restFor(places), await restFor(places)]
  t.ok(places.reclaim())
  t.match(first.reason, { code: 'ERR_DYAD_TRANSFER', retryable: true })
  t.equal(second.reason, undefined)
  t.ok(places.reclaim())
  t.notOk(places.reclaim())
})

test('those that rest are bounded', async (t) => {
  const places = new Places({ patienceMs: 0 })
  const resting: Holder[] = []
  for (let n = 0; n < 1_030; n++) resting.push(await restFor(places))
  t.equal(resting.filter(({ reason }) => reason !== undefined).length, 6)
  t.ok(resting[5]?.reason)
})

test('nobody rests for ever', async (t) => {
  const places = new Places({ limitMs: 20 })
  // The timers of a server keep no process alive.
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(alive))
  const first = await restFor(places)
  await first.ended()
  const second = await restFor(places)
  await second.ended()
  t.match(second.reason, { code: 'ERR_DYAD_TRANSFER' })
})

test('a place is not taken for whoever is gone', async (t) => {
  const places = new Places({ atWork: 1 })
  const holder = new Holder()
  const place = await places.take(holder)
  const { read, goOn } = reader()
  const back = place.restAndResume(read)
  const other = await places.take(new Holder())
  holder.endIdle(new Error('gone') as DyadError)
  goOn()
  await t.rejects(back, /gone/)
  place.leave()
  other.leave()
  const next = await places.take(new Holder())
  let isTaken = false
  void places.take(new Holder()).then(() => {
    isTaken = true
  })
  await new Promise(setImmediate)
  t.notOk(isTaken, 'what was not taken is not given back')
  next.leave()
})
