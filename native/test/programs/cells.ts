/** The two cells that a program has in the matrix: each proves one command of the table. */
import type { Listing, Outcome } from './outcome.js'
import type { Place, Site } from './site.js'
import type { Cannot, Consume, Produce } from './table.js'

/** What a cell needs of tap's `t`. */
export interface Assertions {
  strictSame(found: unknown, wanted: unknown, message: string): unknown
  match(found: string, wanted: RegExp, message: string): unknown
  equal(found: unknown, wanted: unknown, message: string): unknown
  ok(found: unknown, message: string): unknown
}

function filesOf(listing: Listing): string[] {
  return Object.keys(listing).filter((name) => listing[name]?.looks.startsWith('10'))
}

/**
 * Of each file the mode and the bytes, without how many links it has: a copy elsewhere has links of
 * its own.
 */
function withoutLinks(listing: Listing, names: readonly string[]): Listing {
  return Object.fromEntries(
    names.map((name) => {
      const { looks = 'is not there', bytes = '' } = listing[name] ?? {}
      return [name, { looks: looks.replace(/,.*/, ''), bytes }]
    }),
  )
}

/** Runs a command where nothing is managed, and gives its outcome and what it left. */
async function compared(site: Site, run: string, place: Place, cell: string, varies: readonly string[] = []) {
  const outcome = await site.begin(run, place, cell).ended
  return { outcome, ...site.left(place, cell, varies) }
}

function sameAs(t: Assertions, found: Awaited<ReturnType<typeof compared>>, plain: typeof found, where: string): void {
  t.strictSame(found.outcome, plain.outcome, `exit code and output are the same ${where}`)
  t.strictSame(found.directory, plain.directory, `what stands in the directory is the same ${where}`)
  t.strictSame(found.elsewhere, plain.elsewhere, `what is written elsewhere is the same ${where}`)
}

/**
 * A program writes at node A, and a session of our own at node B waits for each of its files from
 * before it begins.
 */
export async function provesProducer(t: Assertions, site: Site, cell: string, work: Produce): Promise<void> {
  const { run, again = [], varies = [] } = work
  const plain = await compared(site, run, 'plain', cell, varies)
  t.equal(plain.outcome.code, 0, `the program works: ${plain.outcome.stderr}`)
  sameAs(t, await compared(site, run, 'aside', cell, varies), plain, 'under the library, beside the managed directory')

  const names = filesOf(plain.directory)
  t.ok(names.length > 0, 'the program writes files')
  const awaited = await Promise.all(names.map((name) => site.await(cell, name)))
  sameAs(t, await compared(site, run, 'a', cell, varies), plain, 'in the managed directory')
  const published = await site.published(cell)
  t.strictSame(published, names, 'every file is published, and nothing else')
  if (!names.every((name) => published.includes(name))) return

  await Promise.all(awaited.map(({ consumed }) => consumed))
  const written = site.left('a', cell).directory
  const once = names.filter((name) => !again.includes(name))
  const early = site.left('b', cell).directory
  t.strictSame(withoutLinks(early, once), withoutLinks(written, once), 'a consumer that waited gets the whole file')
  await site.consume(cell, names)
  const late = site.left('b', cell).directory
  t.strictSame(withoutLinks(late, names), withoutLinks(written, names), 'a later consumer gets the newest version')
  const times = await site.publishings(cell)
  const wrong = once.filter((name) => times.get(name) !== 1).map((name) => `${name}: ${times.get(name) ?? 0}`)
  t.strictSame(wrong, [], 'what is closed once is published once')
}

/** The files that a program is to read, in a place of their own. */
interface Source {
  readonly cell: string
  readonly names: readonly string[]
}

async function given(site: Site, cell: string, run: string): Promise<Source> {
  const source = `${cell}-given`
  const { code, stderr } = await site.begin(run, 'plain', source).ended
  if (code !== 0) throw new Error(`the files for ${cell} were not made: ${stderr}`)
  return { cell: source, names: filesOf(site.left('plain', source).directory) }
}

/**
 * Begins a program in `b`, and publishes what it reads once it waits, or has ended without. The
 * file that it waits for comes last: whether another exists is then the same as where nothing is
 * managed.
 */
async function published(site: Site, run: string, cell: string, { cell: source, names }: Source) {
  const running = site.begin(run, 'b', cell)
  const waited = await Promise.race([site.waiting(cell), running.ended.then(() => undefined)])
  site.copy('plain', source, 'a', cell)
  await site.publish(cell, [...names.filter((name) => name !== waited), ...names.filter((name) => name === waited)])
  const outcome = await running.ended
  return { waited, outcome, ...site.left('b', cell) }
}

/**
 * A program reads at node B, and waits there; then a session of our own at node A publishes what it
 * reads.
 */
export async function provesConsumer(t: Assertions, site: Site, cell: string, work: Consume & { given: string }) {
  const source = await given(site, cell, work.given)
  for (const place of ['plain', 'aside'] as const) site.copy('plain', source.cell, place, cell)
  const plain = await compared(site, work.run, 'plain', cell)
  t.equal(plain.outcome.code, 0, `the program works: ${plain.outcome.stderr}`)
  sameAs(t, await compared(site, work.run, 'aside', cell), plain, 'under the library, beside the managed directory')

  const { waited, ...found } = await published(site, work.run, cell, source)
  const isRight = waited !== undefined && source.names.includes(waited)
  t.ok(isRight, `the program waits for a file that nobody has published yet, and for none else: ${waited}`)
  sameAs(t, found, plain, 'in the managed directory')
}

function hasOutcome(t: Assertions, found: Outcome, { outcome }: Cannot): void {
  t.equal(found.code, outcome.code, 'its exit code')
  t.equal(found.stdout, outcome.stdout, 'its output')
  if (typeof outcome.stderr === 'string') t.equal(found.stderr, outcome.stderr, 'its errors')
  else t.match(found.stderr, outcome.stderr, 'its errors')
}

/**
 * A program that cannot take part as a producer publishes nothing, and behaves as the table says.
 */
export async function showsNoProducer(t: Assertions, site: Site, cell: string, work: Cannot): Promise<void> {
  const { outcome } = await compared(site, work.run, 'a', cell)
  hasOutcome(t, outcome, work)
  t.strictSame(await site.published(cell), [], 'nothing is published')
}

/** A program that cannot take part as a consumer behaves as the table says. */
export async function showsNoConsumer(t: Assertions, site: Site, cell: string, work: Cannot & { given: string }) {
  const source = await given(site, cell, work.given)
  const { outcome } = await published(site, work.run, cell, source)
  hasOutcome(t, outcome, work)
}
