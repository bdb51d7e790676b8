import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { compile } from '../c-compiler.js'
import type { Comparison, Form } from '../part.js'
import { Program } from '../program.js'
import type { Row } from '../row.js'
import { preloaded } from '../worlds/preloaded.js'

/**
 * Programs under each library in a round, in turns; the quickest counts, which nothing has
 * disturbed.
 */
const TURNS = 5

/** Measures how much longer an open of an unmanaged file takes under the library. */
export function unmanaged({ quick }: Form): Comparison {
  const count = quick ? 1000 : 50_000
  const title = 'open and close of a file that is not managed'
  const row = (name: string, value: string): Row => ({
    title: `${title}, ${name}, more than under an empty library`,
    value,
    unit: 'ns',
    target: { bound: 'at most', value: 1000 },
  })
  return {
    title,
    rows: [row('by its absolute path', 'absolute'), row('by a relative path', 'relative')],
    needs: 4096,
    async prepare(site) {
      const { consumer } = await preloaded(site)
      const program = await compile(site, 'programs/opens.c')
      const empty = await compile(site, 'programs/empty.c', ['-shared', '-fPIC'])
      const path = join(site.empty('elsewhere'), 'file')
      writeFileSync(path, '')
      const opens = async (name: string, env: NodeJS.ProcessEnv) => {
        await using running = await Program.start(program, [name, String(count)], { env, signal: site.signal })
        running.go()
        const nanoseconds = await running.time()
        await running.end()
        return nanoseconds / count
      }
      const more = async (name: string) => {
        const under: number[] = []
        const bare: number[] = []
        for (let i = 0; i < TURNS; i++) {
          bare.push(await opens(name, { ...consumer.env, LD_PRELOAD: empty }))
          under.push(await opens(name, consumer.env))
        }
        return Math.min(...under) - Math.min(...bare)
      }
      return {
        measure: async () => ({ absolute: await more(path), relative: await more(relative(process.cwd(), path)) }),
      }
    },
  }
}
