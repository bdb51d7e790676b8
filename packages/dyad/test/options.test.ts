import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, Dyad, DyadCore, DyadFile, start, startStore } from '@dyad-ts/dyad'
import { brokerKvs, memoryKvs, startBroker } from '@dyad-ts/kvs-client'
import t from 'tap'

/** Values that a program may pass as options by mistake. */
const NO_OPTIONS = [5, true, 'x', null, () => {}, Symbol('s')] as never[]
/** Values that are no signal, and values that cannot be called. */
const NO_SIGNALS = [null, 5, 'x', true, {}, [], Object.create(null)] as never[]

type Door = (options: never) => unknown

/** Every method of a session that takes options. */
function doors(core: Dyad): Readonly<Record<string, Door>> {
  const record = { path: 'x' } as never
  const stage = async (options: never) => {
    const file = await core.locateProduced('staged')
    if (file !== undefined) await core.stage(file, 1, 0o600, () => {}, options)
  }
  return {
    produce: (options) => core.produce('x', options),
    remove: (options) => core.remove('x', options),
    consume: (options) => core.consume('x', options),
    consumeRecord: (options) => core.consumeRecord('x', record, options),
    openConsumed: async (options) => core.openConsumed((await core.locateConsumed('x')) as never, options),
    prefetch: (options) => core.prefetch(['x'], options),
    lookup: (options) => core.lookup('x', options),
    list: (options) => core.list('**', options).next(),
    watch: (options) => core.watch('**', options).next(),
    open: (options) => core.open('x', 'r', undefined, options),
    'DyadFile.open': (options) => DyadFile.open(core, 'x', 'w', undefined, options),
    stage,
  }
}

async function session(t: { teardown(work: () => unknown): void }) {
  const root = await mkdtemp(join(tmpdir(), 'dyad-options-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const files = join(root, 'files')
  const given = { kvs: 'memory:', namespace: 'test', node: 'n', stateDir: join(root, 'state') }
  const core = await connect({ ...given, producerPath: files, consumerPath: files })
  t.teardown(() => core.close())
  return core
}

t.test(
  'what is no options, no signal or no function is an error that names it, at every door of a session',
  async (t) => {
    const core = await session(t)
    for (const [name, door] of Object.entries(doors(core))) {
      for (const wrong of NO_OPTIONS) {
        const expected = { code: 'ERR_DYAD_OPTION', message: /options is .*, not an object/ }
        await t.rejects(async () => door(wrong), expected, `${name} ${String(wrong)}`)
      }
      for (const wrong of NO_SIGNALS) {
        const expected = { code: 'ERR_DYAD_OPTION', message: /signal is .*, not an AbortSignal/ }
        await t.rejects(async () => door({ signal: wrong } as never), expected, name)
        await t.rejects(async () => door(Object.create({ signal: wrong }) as never), expected, `${name}, inherited`)
      }
      const expected = { code: 'ERR_DYAD_OPTION', message: /onStoreLost is 5, not a function/ }
      await t.rejects(async () => door({ onStoreLost: 5 } as never), expected, name)
    }
    const file = await core.open('y', 'w')
    t.throws(() => file.createWriteStream(5 as never), { code: 'ERR_DYAD_OPTION' })
    t.throws(() => file.createReadStream('utf8' as never), { code: 'ERR_DYAD_OPTION' })
    t.throws(() => file.readLines({ signal: 5 } as never), { code: 'ERR_DYAD_OPTION', message: /signal is 5/ })
    await file.close()
  },
)

t.test('and where sessions, nodes and stores begin', async (t) => {
  const beginnings: Readonly<Record<string, Door>> = {
    connect,
    compose: (options) => Dyad.compose(options),
    DyadCore: (options) => new DyadCore(options),
    start,
    startStore,
    brokerKvs,
    memoryKvs,
    startBroker,
  }
  for (const [name, begin] of Object.entries(beginnings)) {
    for (const wrong of NO_OPTIONS) {
      await t.rejects(async () => begin(wrong), { code: 'ERR_DYAD_OPTION', message: /options is/ }, name)
    }
    for (const wrong of NO_SIGNALS) {
      const expected = { code: 'ERR_DYAD_OPTION', message: /signal is/ }
      await t.rejects(async () => begin({ signal: wrong } as never), expected, name)
    }
  }
  const wrong: [Door, object, RegExp][] = [
    [start, { directories: 5 }, /directories is 5, not an array of texts/],
    [start, { directories: [5] }, /directories is \[object Array\]/],
    [start, { broker: true, data: 5 }, /data is 5, not a directory/],
    [start, { onWaiting: 5 }, /onWaiting is 5, not a function/],
    [startStore, { data: 5 }, /data is 5, not a directory/],
    [(options) => new DyadCore(options), {}, /kvs is undefined, not a client of a store/],
    [(options) => new DyadCore(options), { kvs: 'memory:' }, /kvs is "memory:"/],
    [(options) => new DyadCore(options), { kvs: memoryKvs() }, /transports is undefined, not an array/],
    [brokerKvs, {}, /url is undefined, not an address/],
    [brokerKvs, { url: 5 }, /url is 5, not an address/],
  ]
  for (const [begin, options, message] of wrong) {
    await t.rejects(async () => begin(options as never), { code: 'ERR_DYAD_OPTION', message }, String(message))
  }
})
