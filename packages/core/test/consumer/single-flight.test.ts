import { test } from 'tap'
import { SingleFlight } from '../../src/consumer/single-flight.js'

const quiet = () => {}

function work() {
  const calls: AbortSignal[] = []
  let finish: (value: string) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const run = (signal: AbortSignal) => {
    calls.push(signal)
    return new Promise<string>((resolve, reject) => {
      finish = resolve
      fail = reject
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  }
  return { calls, run, finish: (value: string) => finish(value), fail: (error: Error) => fail(error) }
}

test('callers share one run', async (t) => {
  const flights = new SingleFlight<string, number>()
  const { calls, run, finish } = work()
  const { signal } = new AbortController()
  const both = Promise.all([flights.run('k', signal, quiet, run), flights.run('k', signal, quiet, run)])
  finish('done')
  t.strictSame(await both, ['done', 'done'])
  t.equal(calls.length, 1)
  const again = flights.run('k', signal, quiet, run)
  finish('anew')
  t.equal(await again, 'anew', 'a later caller begins a new one')
})

test('callers of different keys do not', async (t) => {
  const flights = new SingleFlight<string, number>()
  const { signal } = new AbortController()
  t.strictSame(
    await Promise.all([
      flights.run('a', signal, quiet, async () => 'a'),
      flights.run('b', signal, quiet, async () => 'b'),
    ]),
    ['a', 'b'],
  )
})

test('one may leave, the run goes on for the other; when the last leaves it ends', async (t) => {
  const flights = new SingleFlight<string, number>()
  const { calls, run, finish } = work()
  const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
  const first = flights.run('k', one.signal, quiet, run)
  const second = flights.run('k', two.signal, quiet, run)
  one.abort(new Error('left'))
  await t.rejects(first, { message: 'left' })
  t.equal(calls[0]?.aborted, false)
  finish('done')
  t.equal(await second, 'done')
  const third = flights.run('k', three.signal, quiet, run)
  three.abort(new Error('last'))
  await t.rejects(third, { message: 'last' })
  t.equal(calls[1]?.aborted, true)
  const fourth = flights.run('k', two.signal, quiet, run)
  finish('new')
  t.equal(await fourth, 'new', 'nobody joins a run that was ended')
})

test('an error reaches all, and is not kept', async (t) => {
  const flights = new SingleFlight<string, number>()
  const { run, fail, finish } = work()
  const { signal } = new AbortController()
  const both = [flights.run('k', signal, quiet, run), flights.run('k', signal, quiet, run)]
  fail(new Error('broken'))
  for (const one of both) await t.rejects(one, { message: 'broken' })
  const again = flights.run('k', signal, quiet, run)
  finish('mended')
  t.equal(await again, 'mended')
})

test('who is aborted already does not begin', async (t) => {
  const { calls, run } = work()
  await t.rejects(new SingleFlight<string, number>().run('k', AbortSignal.abort(new Error('before')), quiet, run), {
    message: 'before',
  })
  t.equal(calls.length, 0)
})

test('all who share a run are told of its progress, as long as they do', async (t) => {
  const flights = new SingleFlight<string, number>()
  const told: string[] = []
  let tell: (news: number) => void = () => {}
  let finish: (value: string) => void = () => {}
  const begin = (_signal: AbortSignal, onNews: typeof tell) => {
    tell = onNews
    return new Promise<string>((resolve) => {
      finish = resolve
    })
  }
  const leaving = new AbortController()
  const first = flights.run('k', leaving.signal, (arrived) => told.push(`first ${arrived}`), begin)
  const second = flights.run('k', new AbortController().signal, (arrived) => told.push(`second ${arrived}`), begin)
  tell(1)
  leaving.abort(new Error('left'))
  await t.rejects(first, { message: 'left' })
  tell(2)
  const late = flights.run('k', new AbortController().signal, (arrived) => told.push(`late ${arrived}`), begin)
  finish('done')
  await Promise.all([second, late])
  t.strictSame(told, ['first 1', 'second 1', 'second 2', 'late 2'], 'and whoever joins late, of the last')
})

test('who cannot bear to be told leaves, and the others go on', async (t) => {
  const flights = new SingleFlight<string, number>()
  let tell: (news: number) => void = () => {}
  let finish: (value: string) => void = () => {}
  const begin = (_signal: AbortSignal, onNews: typeof tell) => {
    tell = onNews
    return new Promise<string>((resolve) => {
      finish = resolve
    })
  }
  const { signal } = new AbortController()
  const broken = () => {
    throw new Error('a bar that broke')
  }
  const first = flights.run('k', signal, broken, begin)
  const second = flights.run('k', signal, quiet, begin)
  tell(1)
  await t.rejects(first, { message: 'a bar that broke' })
  finish('done')
  t.equal(await second, 'done')
})
