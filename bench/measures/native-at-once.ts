import type { Comparison, Form } from '../part.js'
import type { Row } from '../row.js'
import { FilesProgram } from '../worlds/files-program.js'
import { preloaded } from '../worlds/preloaded.js'

const PROGRAMS = 16

/** Programs at once on one node, all of them together, beside one program. */
export function atOnce({ quick }: Form): Comparison {
  const load = { count: quick ? 10 : 250, bytes: 40 }
  const row = (does: string, value: string): Row => ({
    title: `${PROGRAMS} C programs at once on one node ${does} ${load.bytes} bytes, total`,
    value,
    unit: 'files/s',
    against: { value, title: 'one program' },
    target: { bound: 'at least', value: 1 },
  })
  return {
    title: `${PROGRAMS} C programs at once`,
    rows: [row('produce', 'produced'), row('consume', 'consumed')],
    needs: PROGRAMS * load.count * 32_768,
    async prepare(site) {
      const files = await FilesProgram.compile(site)
      const world = await preloaded(site)
      if (!quick) await files.warmUp(world)
      const round = async (programs: number, count: number) => {
        await world.begin()
        const groups = Array.from({ length: programs }, () => files.newGroup())
        const all = programs * count
        const produced = all / (await files.run('produce', world.producer, groups, { ...load, count }))
        const consumed = all / (await files.run('consume', world.consumer, groups, { ...load, count }))
        world.clear()
        return { produced, consumed }
      }
      // One program makes more of them, or it would end before the machine is warm.
      return { baseline: () => round(1, 4 * load.count), measure: () => round(PROGRAMS, load.count) }
    },
  }
}
