import { test } from 'tap'
import type { Exchange } from '../src/client/exchange.js'
import { ExchangeTable } from '../src/client/exchange-table.js'

/** Places of a table that has not grown. */
const PLACES = 1024

const exchange = (): Exchange => ({ due: 0, linked() {}, replied() {}, failed() {} })

test('ids rise, none comes twice, and each finds what it was given for', (t) => {
  const table = new ExchangeTable()
  const held = new Map<number, Exchange>()
  let last = 0
  const add = () => {
    const each = exchange()
    const id = table.add(each)
    if (id <= last) t.fail(`${id} after ${last}`)
    last = id
    held.set(id, each)
    return id
  }
  // Some stay, among many that come and go, through several sizes of the table.
  for (let i = 0; i < 3_000; i++) {
    add()
    for (let j = 0; j < 20; j++) {
      const id = add()
      if (table.delete(id) !== held.get(id)) t.fail(`${id} is another`)
      held.delete(id)
    }
  }
  t.equal(table.size, 3_000)
  t.strictSame(
    table.entries().map(([id]) => id),
    [...held.keys()],
    'in the order in which they came',
  )
  t.ok(table.entries().every(([id, each]) => each === held.get(id) && table.get(id) === each))
  t.end()
})

test('an id that is over finds nothing, though its place is taken anew', (t) => {
  const table = new ExchangeTable()
  const first = table.add(exchange())
  table.delete(first)
  const isThere = (id: number) => id % PLACES === first % PLACES
  const later = Array.from({ length: 10 * PLACES }, () => {
    const id = table.add(exchange())
    if (!isThere(id)) table.delete(id)
    return id
  })
  t.ok(later.some(isThere))
  t.equal(table.get(first), undefined)
  t.equal(table.delete(first), undefined)
  t.equal(table.get(0), undefined)
  for (const [id] of table.entries()) table.delete(id)
  t.equal(table.size, 0)
  t.strictSame(table.entries(), [])
  t.ok(table.add(exchange()) > Math.max(...later), 'an empty table goes on where it was')
  t.end()
})
