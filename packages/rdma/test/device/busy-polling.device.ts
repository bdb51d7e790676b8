import { ManagedSource } from '@dyad-ts/core'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { fabricAddresses } from '../../src/transport/fabric.js'
import { ACCESS } from '../../src/verbs/constants.js'
import { loadVerbs } from '../../src/verbs/library.js'
import { Loopback, LoopbackEnd } from '../../src/verbs/loopback.js'
import { digestOf, Storage } from '../support/files.js'

const MIB = 1024 * 1024
const ROUNDS = 50
const SIZE = { sends: 8, receives: 8, messageBytes: 64, memoryBytes: 8192, access: ACCESS.localWrite }

/** Resolves with how often an end asks for an event while messages go to and fro. */
async function eventsAskedFor(busyMs: number): Promise<number> {
  const verbs = loadVerbs()
  const [host = ''] = fabricAddresses(verbs)
  using pair = await Loopback.connect(verbs, host, (id) => new LoopbackEnd(id, { ...SIZE, busyMs }))
  const { a, b } = pair
  let asked = 0
  const { calls } = a.context
  const { reqNotifyCq } = calls
  calls.reqNotifyCq = (...args) => {
    asked++
    return reqNotifyCq(...args)
  }
  for (let i = 0; i < ROUNDS; i++) {
    const back = new Promise<void>((resolve) => {
      a.onReceived = () => resolve()
    })
    b.onReceived = () => void b.post({ op: 'send', from: b.span(4096, 8) })
    await Promise.all([a.post({ op: 'send', from: a.span(4096, 8) }), back])
    a.pair.receive(0, a.span(0, 64))
    b.pair.receive(0, b.span(0, 64))
  }
  return asked
}

test('while it polls, no event is asked for', async (t) => {
  const [waiting, polling] = [await eventsAskedFor(0), await eventsAskedFor(60_000)]
  t.ok(waiting >= ROUNDS, `${waiting} events without`)
  t.ok(polling <= 1, `${polling} with`)
})

test('with busy polling at both sides files arrive, also after it has given up looking', async (t) => {
  const busyPollMs = 5
  const storage = new Storage(t)
  const files = [storage.write('small', 40), storage.write('large', 20 * MIB)]
  await using owner = rdmaTransport({ token: 'secret', busyPollMs })
  await using server = await owner.serve(await ManagedSource.open([storage.path]))
  await using consumer = rdmaTransport({ token: 'secret', busyPollMs })
  for (let round = 0; round < 3; round++) {
    for (const { version, digest } of files) {
      t.equal(await digestOf(await consumer.fetch(server.address, version)), digest)
    }
    // Much longer than it polls.
    await new Promise((resolve) => setTimeout(resolve, 40 * busyPollMs))
  }
})
