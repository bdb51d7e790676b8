import { test } from 'tap'
import { DyadError } from '../../src/errors.js'
import {
  descriptorClosed,
  descriptorLimit,
  isShortage,
  onShortage,
  withDescriptors,
} from '../../src/files/descriptors.js'

const shortage = (code = 'EMFILE') => Object.assign(new Error(`${code}: too many open files`), { code })

/** Opens as long as some are free. */
class Table {
  free = 0
  tries = 0

  open(): string {
    this.tries++
    if (this.free === 0) throw shortage()
    this.free--
    return `open after ${this.tries}`
  }

  close(): void {
    this.free++
    descriptorClosed()
  }
}

test('what needs no waiting is done at once', (t) => {
  t.equal(
    withDescriptors(() => 7),
    7,
  )
  t.throws(() => withDescriptors(() => JSON.parse('{')), SyntaxError)
  t.ok(descriptorLimit() > 2)
  t.end()
})

test('a shortage is one, whatever it is wrapped in', (t) => {
  for (const code of ['EMFILE', 'ENFILE']) {
    const cause = new DyadError('ERR_DYAD_STORE', { cause: shortage(code) })
    t.ok(isShortage(new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { cause })))
  }
  t.notOk(isShortage(new DyadError('ERR_DYAD_DESCRIPTORS', { cause: shortage() })), 'but for one that was waited for')
  t.notOk(isShortage(Object.assign(new Error(), { code: 'ENOENT' })))
  t.notOk(isShortage('EMFILE'))
  t.end()
})

test('those that wait have their turns in order, as descriptors are closed', async (t) => {
  const table = new Table()
  const order: number[] = []
  const waiting = [1, 2, 3].map(async (n) => {
    await withDescriptors(() => table.open())
    order.push(n)
  })
  table.close()
  await waiting[0]
  t.strictSame(order, [1])
  table.free++
  table.close()
  await Promise.all(waiting)
  t.strictSame(order, [1, 2, 3])
})

test('asynchronous work is begun anew as a whole', async (t) => {
  const table = new Table()
  let begun = 0
  const work = async () => {
    begun++
    await new Promise(setImmediate)
    return table.open()
  }
  const waiting = withDescriptors(work)
  await new Promise((resolve) => setTimeout(resolve, 5))
  table.close()
  t.match(await waiting, /open/)
  t.ok(begun > 1)
})

test('what others close is found, too', async (t) => {
  const table = new Table()
  const waiting = withDescriptors(() => table.open())
  table.free = 1
  t.match(await waiting, /open/)
})

test('who comes later does not overtake', async (t) => {
  const table = new Table()
  const first = withDescriptors(() => table.open())
  table.free = 1
  let isSecond = false
  const second = Promise.resolve(withDescriptors(() => table.open())).then(() => {
    isSecond = true
  })
  t.equal(table.free, 1, 'nobody takes what the first waits for')
  await first
  t.notOk(isSecond)
  table.close()
  await second
})

test('an abort ends a wait, and no other', async (t) => {
  const table = new Table()
  const control = new AbortController()
  const first = withDescriptors(() => table.open(), control.signal)
  const second = withDescriptors(() => table.open())
  control.abort(new Error('not wanted'))
  await t.rejects(Promise.resolve(first), /not wanted/)
  table.close()
  t.match(await second, /open/)
  t.equal(table.free, 0)
})

test('an error of another kind is final, and the next goes on', async (t) => {
  const table = new Table()
  let isBroken = false
  const first = withDescriptors(() => {
    if (isBroken) throw new Error('gone')
    return table.open()
  })
  const second = withDescriptors(() => table.open())
  isBroken = true
  table.close()
  await t.rejects(Promise.resolve(first), /gone/)
  t.match(await second, /open/)
})

test('what is open for later is closed when descriptors are short', async (t) => {
  const table = new Table()
  let relieved = 0
  const stop = onShortage(() => {
    relieved++
    if (relieved === 1) table.close()
  })
  t.match(await withDescriptors(() => table.open()), /open/)
  t.equal(relieved, 1)
  stop()
  const waiting = withDescriptors(() => table.open())
  table.close()
  await waiting
  t.equal(relieved, 1)
})

test('a wait in which nobody gets a descriptor ends after half a minute, and keeps nobody else', async (t) => {
  const table = new Table()
  const real = performance.now
  t.teardown(() => {
    performance.now = real
  })
  const early = Promise.resolve(withDescriptors(() => table.open()))
  // The clock goes on; the timers that look at it are real.
  performance.now = () => real.call(performance) + 29_000
  const late = Promise.resolve(withDescriptors(() => table.open()))
  const first = await Promise.race([early, new Promise((resolve) => setTimeout(resolve, 150, 'waits'))])
  t.equal(first, 'waits', 'it has a second left')
  performance.now = () => real.call(performance) + 31_000
  await t.rejects(early, { code: 'ERR_DYAD_DESCRIPTORS', retryable: true, cause: { code: 'EMFILE' } })
  table.close()
  t.match(await late, /open/, 'the next goes on')
})
