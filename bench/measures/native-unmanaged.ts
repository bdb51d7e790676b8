import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { compile } from '../c-compiler.js'
import type { Comparison, Form, Row } from '../part.js'
import { Program } from '../program.js'
import { preloaded } from '../worlds/preloaded.js'

/** What a program pays for the library where it opens files that are none of its business. */
export function unmanaged({ quick }: Form): Comparison {
  const count = quick ? 1000 : 200_000
  const title = 'open and close of a file that is not managed'
  const row = (name: string, value: string): Row => ({
    title: `${title}, ${name}, more than under an empty library`,
    value,
    unit: 'ns',
    target: { bound: 'at most', value: 1000 },
  })
  return {
    title,
    rows: [
      { title, value: 'absolute', unit: 'ns', against: { value: 'absolute', title: 'an empty library' } },
      row('by its absolute path', 'moreAbsolute'),
      row('by a relative path', 'moreRelative'),
    ],
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
      const both = async (env: NodeJS.ProcessEnv) => ({
        absolute: await opens(path, env),
        relative: await opens(relative(process.cwd(), path), env),
      })
      let base = { absolute: Number.NaN, relative: Number.NaN }
      return {
        async baseline() {
          base = await both({ ...consumer.env, LD_PRELOAD: empty })
          return base
        },
        async measure() {
          const found = await both(consumer.env)
          return {
            ...found,
            moreAbsolute: found.absolute - base.absolute,
            moreRelative: found.relative - base.relative,
          }
        },
      }
    },
  }
}
