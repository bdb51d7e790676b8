import type { Comparison, Form } from '../part.js'
import type { Row } from '../row.js'
import { bestOf } from '../worlds/best.js'
import { everyDyadInC } from '../worlds/dyad-in-c.js'
import { FilesProgram, type Load } from '../worlds/files-program.js'
import { plain } from '../worlds/plain.js'
import { preloaded } from '../worlds/preloaded.js'
import type { World } from '../worlds/world.js'

const FILE_BYTES = 40

/** Small files produced by one program, and then consumed by another, one file after the other. */
export function small({ quick, dyad }: Form): Comparison {
  const load = { count: quick ? 20 : 1000, bytes: FILE_BYTES }
  const row = (title: string, value: string): Row => ({
    title: `a C program ${title} ${FILE_BYTES} bytes, file by file`,
    value,
    unit: 'files/s',
    against: { value, title: 'DYAD in C, the best mode for it' },
    target: { bound: 'at least', value: 8 },
  })
  return {
    title: `C programs, ${load.count} × ${FILE_BYTES} bytes`,
    rows: [row('produces', 'produced'), row('consumes', 'consumed')],
    needs: load.count * 98_304,
    async prepare(site) {
      const files = await FilesProgram.compile(site)
      const ours = await preloaded(site)
      if (!quick) await files.warmUp(ours)
      const others = dyad === undefined ? [plain(site)] : await everyDyadInC(site, dyad)
      return {
        baselineTitle: dyad === undefined ? 'the program alone' : undefined,
        standsIn: dyad === undefined,
        baseline: () => bestOf(others, (other) => round(files, other, load), Math.max),
        measure: () => round(files, ours, load),
      }
    },
  }
}

async function round(files: FilesProgram, world: World, load: Load) {
  await world.begin()
  const groups = [files.newGroup()]
  const producing = await files.run('produce', world.producer, groups, load)
  const consuming = await files.run('consume', world.consumer, groups, load)
  world.clear()
  return { produced: load.count / producing, consumed: load.count / consuming }
}
