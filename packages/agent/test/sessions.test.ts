import { mock } from 'node:test'
import { DyadCore } from '@dyad-ts/core'
import { memoryKvs } from '@dyad-ts/kvs-client'
import t from 'tap'
import { Sessions } from '../src/sessions.js'

/** Sessions of a store in memory, with the number of open ones. */
function site() {
  const opened: DyadCore[] = []
  const open = new Set<DyadCore>()
  const sessions = new Sessions(async (options, env) => {
    const core = new DyadCore({ ...options, kvs: memoryKvs(), transports: [] }, env)
    opened.push(core)
    open.add(core)
    const close = core.close.bind(core)
    core.close = async () => {
      open.delete(core)
      await close()
    }
    return core
  })
  return { sessions, opened, open }
}

const variables = (given: Record<string, string>) => new Map(Object.entries(given))
const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('programs with the same options share a session', async (t) => {
  const { sessions, opened } = site()
  const one = await sessions.use(variables({ DYAD_NODE: 'n', DYAD_TIMEOUT: '5' })).opening
  const same = { DYAD_TIMEOUT: '5', DYAD_NODE: 'n', DYAD_RUN: 'r', DYAD_PATH_RELATIVE: '0', DYAD_SYNC_DEBUG: '1' }
  t.equal(await sessions.use(variables(same)).opening, one, 'what is no option of a session does not count')
  t.equal(one.config.relative, true)
  t.equal(one.config.syncDebug, false)
  const others: Record<string, string>[] = [
    { DYAD_NODE: 'n' },
    { DYAD_NODE: 'n', DYAD_TIMEOUT: '' },
    { DYAD_NODE: 'n', DYAD_TIMEOUT: '6' },
  ]
  for (const other of others) {
    t.not(await sessions.use(variables(other)).opening, one)
  }
  t.equal(opened.length, 4)
  await sessions.close()
  t.throws(() => sessions.use(variables({})), { code: 'ERR_DYAD_CLOSED' })
})

t.test('a session that nobody uses stays for a minute', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { sessions, opened, open } = site()
  const given = variables({ DYAD_NODE: 'n' })
  const [first, second] = [sessions.use(given), sessions.use(given)]
  await first.opening
  first.release()
  mock.timers.tick(600_000)
  await turn()
  t.equal(open.size, 1, 'another one uses it')
  second.release()
  mock.timers.tick(59_000)
  const third = sessions.use(given)
  mock.timers.tick(59_000)
  third.release()
  mock.timers.tick(59_000)
  await turn()
  t.equal(open.size, 1)
  mock.timers.tick(1_000)
  await turn()
  t.equal(open.size, 0)
  await sessions.use(given).opening
  t.equal(opened.length, 2)
  await sessions.close()
  t.equal(open.size, 0)
})

t.test('there are 64 at most; one that nobody uses makes room', async (t) => {
  const { sessions, open } = site()
  const used = Array.from({ length: 64 }, (_, i) => sessions.use(variables({ DYAD_NODE: `n${i}` })))
  await Promise.all(used.map(({ opening }) => opening))
  t.throws(() => sessions.use(variables({ DYAD_NODE: 'one more' })), { code: 'ERR_DYAD_BUSY' })
  t.equal(await sessions.use(variables({ DYAD_NODE: 'n7' })).opening, await used[7]?.opening, 'those there are go on')
  used[9]?.release()
  await sessions.use(variables({ DYAD_NODE: 'one more' })).opening
  await turn()
  t.equal(open.size, 64)
  t.notOk(open.has((await used[9]?.opening) as DyadCore))
  await sessions.close()
})

t.test('a session that could not be opened is tried again', async (t) => {
  let isBroken = true
  const sessions = new Sessions(async (options, env) => {
    if (isBroken) throw new Error('broken')
    return new DyadCore({ ...options, kvs: memoryKvs(), transports: [] }, env)
  })
  const given = variables({})
  const first = sessions.use(given)
  await t.rejects(first.opening, { message: 'broken' })
  isBroken = false
  t.ok(await sessions.use(given).opening)
  first.release()
  t.throws(() => sessions.use(variables({ DYAD_STATE_DIR: 'relative' })), { code: 'ERR_DYAD_OPTION' })
  await sessions.close()
})
