import { compile } from '../c-compiler.js'
import { Program } from '../program.js'
import type { Site } from '../site.js'
import type { Place, World } from './world.js'

/** Files after which the code of Node services is compiled. */
const WARM = { count: 3000, bytes: 40 }

/** Files of one size, one after the other. */
export interface Load {
  readonly count: number
  readonly bytes: number
}

type Work = 'produce' | 'consume' | 'produce-each' | 'consume-each'

/** When a program began, and when it ended, in nanoseconds. */
interface Span {
  readonly began: number
  readonly ended: number
}

/** The C program that makes files and reads them, `bench/programs/files.c`. */
export class FilesProgram {
  readonly #site: Site
  readonly #path: string
  #groups = 0

  private constructor(site: Site, path: string) {
    this.#site = site
    this.#path = path
  }

  /** NotAvailable without a compiler. */
  static async compile(site: Site): Promise<FilesProgram> {
    return new FilesProgram(site, await compile(site, 'programs/files.c'))
  }

  /** Names for files that have not been there in this site. */
  newGroup(): string {
    return `group${++this.#groups}`
  }

  /** Starts a program, which waits to be sent a line, and ends with the site. */
  async start(work: Work, { directory, env }: Place, group: string, { count, bytes }: Load): Promise<Program> {
    const args = [work, directory, group, String(count), String(bytes)]
    const program = await Program.start(this.#path, args, { env, signal: this.#site.signal })
    this.#site.defer(() => program[Symbol.asyncDispose]())
    return program
  }

  /** Has the services of a world carry files until they are as those that have run for a while. */
  async warmUp(world: World): Promise<void> {
    await world.begin()
    const groups = [this.newGroup()]
    await this.run('produce', world.producer, groups, WARM)
    await this.run('consume', world.consumer, groups, WARM)
    world.clear()
  }

  /**
   * Runs a program in each group, all at once; resolves with the seconds from the first beginning
   * to the last end.
   */
  async run(work: 'produce' | 'consume', place: Place, groups: readonly string[], load: Load): Promise<number> {
    const programs = await Promise.all(groups.map((group) => this.start(work, place, group, load)))
    for (const program of programs) program.go()
    const spans = await Promise.all(programs.map(spanOf))
    const began = Math.min(...spans.map((span) => span.began))
    const ended = Math.max(...spans.map((span) => span.ended))
    return (ended - began) / 1e9
  }
}

async function spanOf(program: Program): Promise<Span> {
  const span = { began: await program.time(), ended: await program.time() }
  await program.end()
  return span
}
