/**
 * Real programs under the preload library, across two nodes; see table.ts. `--only NAME` proves
 * those of which the name contains NAME; `--write` writes the matrix into docs/unmodified.md, which
 * is otherwise compared.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import tap, { test } from 'tap'
import { installPackages } from '../../../scripts/debian.mjs'
import { type Assertions, provesConsumer, provesProducer, showsNoConsumer, showsNoProducer } from './cells.js'
import { type Found, matrix, PAGE, pageWith } from './matrix.js'
import { Site } from './site.js'
import { PAIRS, PROGRAMS, type Program } from './table.js'

const MINUTE = 60_000
const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } })
const chosen = PROGRAMS.filter(({ name }) => name.includes(values.only ?? ''))

/** A folder's name for a cell, which none of the programs changes. */
function cellOf(program: Program, side: string): string {
  return `${PROGRAMS.indexOf(program)}-${side}`
}

/** What proves the cells of a program. */
function* proofs(site: Site, program: Program): Generator<['producer' | 'consumer', (t: Assertions) => Promise<void>]> {
  const { produce, consume } = program
  if (produce !== undefined) {
    const cell = cellOf(program, 'produced')
    yield [
      'producer',
      (t) => ('cannot' in produce ? showsNoProducer(t, site, cell, produce) : provesProducer(t, site, cell, produce)),
    ]
  }
  if (consume !== undefined) {
    const cell = cellOf(program, 'consumed')
    const work = { given: produce?.run ?? '', ...consume }
    yield [
      'consumer',
      (t) => ('cannot' in work ? showsNoConsumer(t, site, cell, work) : provesConsumer(t, site, cell, work)),
    ]
  }
}

/** What a cell of the matrix says of a command that was proved. */
function verdict(work: Program['produce'] | Program['consume'], isProved: boolean, without: string): string {
  if (work === undefined) return without
  if (!isProved) return 'fails'
  if ('cannot' in work) return `cannot: ${work.cannot}`
  return work.note === undefined ? 'works' : `works; ${work.note}`
}

// The whole table takes longer than a file of tests may.
tap.setTimeout(15 * MINUTE)

test('programs that nobody changed', { timeout: 15 * MINUTE }, async (t) => {
  installPackages([...new Set(PROGRAMS.flatMap(({ packages }) => packages))].sort(), (line) => t.comment(line))
  const site = await Site.start(t)
  const rows: [Program, Found][] = []
  for (const program of chosen) {
    const proved = { producer: false, consumer: false }
    for (const [side, proof] of proofs(site, program)) {
      await t.test(`${program.name} as ${side}`, { timeout: 3 * MINUTE }, async (t) => {
        await proof(t)
        proved[side] = t.passing()
      })
    }
    rows.push([
      program,
      {
        producer: verdict(program.produce, proved.producer, 'writes no files'),
        consumer: verdict(program.consume, proved.consumer, 'reads no files'),
      },
    ])
  }
  for (const [i, { name, produce, consume, stdout }] of PAIRS.entries()) {
    if (!name.includes(values.only ?? '')) continue
    await t.test(name, { timeout: 3 * MINUTE }, async (t) => {
      const reading = site.begin(consume, 'b', `pair-${i}`)
      await Promise.race([site.waiting(`pair-${i}`), reading.ended])
      const wrote = await site.begin(produce, 'a', `pair-${i}`).ended
      t.match(wrote, { code: 0, stderr: '' }, 'the producer ends well')
      t.strictSame(await reading.ended, { code: 0, stdout, stderr: '' }, 'the consumer reads what it wrote')
    })
  }
  const table = matrix(rows)
  for (const line of table.split('\n')) t.comment(line)
  if (values.only !== undefined) return
  const page = pageWith(table)
  if (values.write) writeFileSync(PAGE, page)
  t.equal(readFileSync(PAGE, 'utf8'), page, 'docs/unmodified.md says what was found (--write writes it)')
})
