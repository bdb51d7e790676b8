import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnostics } from '@dyad-ts/dyad'
import { Cluster, TOKEN } from '../../../test/harness/cluster.js'
import type { TestProcess } from '../../../test/harness/process.js'
import type { Teardown } from '../../../test/harness/teardown.js'
import { begin, type Listing, listing, type Running } from './outcome.js'

const SOURCES = fileURLToPath(new URL('sources', import.meta.url))
const DYAD = fileURLToPath(new URL('../../../packages/dyad/bin/dyad.js', import.meta.url))
const NAMESPACE = 'programs'
/** For what a program should have published: none of it takes long once the program has ended. */
const PATIENCE = 60_000

/**
 * What somebody set who runs the tests is not for the programs, which are to behave the same each
 * time.
 */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'A Person'],
      [`GIT_${who}_EMAIL`, 'person@example.org'],
      [`GIT_${who}_DATE`, '2020-02-02T02:02:02Z'],
    ]),
  ),
}

/**
 * Where a program runs: without DYAD, under the preload library beside the managed directories, or
 * in one of them.
 */
export type Place = 'plain' | 'aside' | 'a' | 'b'

/**
 * Two nodes with a managed directory each, `a` of the producers and `b` of the consumers, for all
 * programs, and sessions of our own at both, beside which each program is proved. The work of each
 * cell has a folder of its name in each place.
 */
export class Site {
  readonly #cluster: Cluster
  readonly #a: TestProcess
  readonly #b: TestProcess
  readonly #producer: TestProcess
  readonly #consumer: TestProcess
  readonly #preload: NodeJS.ProcessEnv

  private constructor(
    cluster: Cluster,
    [a, b, producer, consumer]: readonly [TestProcess, TestProcess, TestProcess, TestProcess],
    preload: NodeJS.ProcessEnv,
  ) {
    this.#cluster = cluster
    this.#a = a
    this.#b = b
    this.#producer = producer
    this.#consumer = consumer
    this.#preload = preload
  }

  static async start(t: Teardown): Promise<Site> {
    const { cluster, a } = await Cluster.start(t, { namespace: NAMESPACE })
    const b = await cluster.node('B')
    const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer()])
    for (const name of ['in', 'bin', 'home']) cluster.directory(name)
    const env = { ...ENVIRONMENT, HOME: cluster.path('home'), SRC: SOURCES }
    const made = { env: { ...env, IN: cluster.path('in'), BIN: cluster.path('bin') } }
    execFileSync('/bin/bash', [join(SOURCES, 'inputs.sh')], made)
    execFileSync('/bin/bash', [join(SOURCES, 'build.sh')], made)
    const site = new Site(cluster, [a, b, producer, consumer], {})
    return new Site(cluster, [a, b, producer, consumer], site.#exported())
  }

  /** What `dyad env --preload` says to export, as the shell of a job script understands it. */
  #exported(): NodeJS.ProcessEnv {
    const directories = ['--producer', this.#cluster.directory('a'), '--consumer', this.#cluster.directory('b')]
    const script = 'set -e; exported=$("$@"); eval "$exported"; exec env -0'
    const dyad = [process.execPath, DYAD, 'env', '--preload', ...directories]
    const env = this.#environment('A')
    const exported = execFileSync('/bin/bash', ['-c', script, 'bash', ...dyad], { env, cwd: '/', encoding: 'utf8' })
    const lines = exported.split('\0').filter((line) => /^(DYAD_|LD_PRELOAD=|NODE_OPTIONS=)/.test(line))
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
  }

  /** A folder of a cell in a place; it is made where there is none. */
  folder(place: Place | 'out', cell: string): string {
    return this.#cluster.directory(join(place, cell))
  }

  #managed(place: 'a' | 'b'): string[] {
    return [place === 'a' ? '--producer' : '--consumer', this.#cluster.directory(place)]
  }

  #environment(node: 'A' | 'B'): NodeJS.ProcessEnv {
    return {
      ...ENVIRONMENT,
      HOME: this.#cluster.path('home'),
      DYAD_KVS: this.#cluster.kvs,
      DYAD_KVS_NAMESPACE: NAMESPACE,
      DYAD_STATE_DIR: this.#cluster.path('state'),
      DYAD_TOKEN: TOKEN,
      DYAD_NODE: node,
    }
  }

  /**
   * Begins a command of the table in a place: plainly, by what is exported there, or through `dyad
   * run`.
   */
  begin(command: string, place: Place, cell: string): Running {
    const directory = this.folder(place, cell)
    const places = {
      HOME: this.#cluster.path('home'),
      IN: this.#cluster.path('in'),
      BIN: this.#cluster.path('bin'),
      SRC: SOURCES,
      DIR: directory,
      OUT: this.folder('out', `${place}-${cell}`),
    }
    const shell = ['/bin/bash', '-c', command]
    if (place === 'plain') return begin(shell, { ...ENVIRONMENT, ...places }, directory)
    if (place === 'aside') return begin(shell, { ...ENVIRONMENT, ...this.#preload, ...places }, directory)
    const run = [process.execPath, DYAD, 'run', ...this.#managed(place), '--', ...shell]
    return begin(run, { ...this.#environment(place === 'a' ? 'A' : 'B'), ...places }, directory)
  }

  /** What a cell left in a place, and what its program wrote elsewhere. */
  left(place: Place, cell: string, varies: readonly string[] = []): { directory: Listing; elsewhere: Listing } {
    return {
      directory: listing(this.folder(place, cell), varies),
      elsewhere: listing(this.folder('out', `${place}-${cell}`)),
    }
  }

  /**
   * Copies the files of one cell from place to place, with their modes and without their hard
   * links.
   */
  copy(from: Place, fromCell: string, to: Place, cell: string): void {
    cpSync(this.folder(from, fromCell), this.folder(to, cell), { recursive: true, verbatimSymlinks: true })
  }

  /** Publishes files of the directory `a` through a session of our own. */
  async publish(cell: string, names: readonly string[]): Promise<void> {
    mkdirSync(this.folder('a', cell), { recursive: true })
    for (const name of names) await this.#producer.ask('produce', `${cell}/${name}`)
  }

  /** Begins to consume a file through a session of our own in `b`; resolves once that waits. */
  async await(cell: string, name: string): Promise<{ consumed: Promise<unknown> }> {
    const path = `${cell}/${name}`
    const consumed = this.#consumer.ask('consume', path, { timeout: PATIENCE })
    consumed.catch(() => {})
    await this.#consumer.noted('waiting', (waiting) => waiting === path)
    return { consumed }
  }

  /** Brings files to `b` through a session of our own. */
  async consume(cell: string, names: readonly string[]): Promise<void> {
    for (const name of names) await this.#consumer.ask('consume', `${cell}/${name}`, { timeout: PATIENCE })
  }

  /** Resolves with the name of a file of the cell for which a program waits at node B. */
  async waiting(cell: string): Promise<string> {
    const isOfCell = ({ path }: Diagnostics['dyad.kvs.waiting']) => path.startsWith(`${cell}/`)
    const { path } = await this.#b.noted('dyad.kvs.waiting', isOfCell)
    return path.slice(cell.length + 1)
  }

  /** The names of a cell that are published now. */
  async published(cell: string): Promise<string[]> {
    const paths = await this.#consumer.ask<string[]>('list')
    return paths.filter((path) => path.startsWith(`${cell}/`)).map((path) => path.slice(cell.length + 1))
  }

  /** How often node A has published each name of a cell. */
  async publishings(cell: string): Promise<Map<string, number>> {
    // What the node noted before it answers has arrived with the answer.
    await this.#a.ask('status')
    const times = new Map<string, number>()
    for (const { record } of this.#a.notes<Diagnostics['dyad.producer.published']>('dyad.producer.published')) {
      if (!record.path.startsWith(`${cell}/`)) continue
      const name = record.path.slice(cell.length + 1)
      times.set(name, (times.get(name) ?? 0) + 1)
    }
    return times
  }
}
