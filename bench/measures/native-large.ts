import { copy } from '../baselines/copy.js'
import { tcpStream } from '../baselines/tcp-stream.js'
import { frames } from '../contents.js'
import { type Comparison, type Form, MiB, type Rounds } from '../part.js'
import type { Values } from '../row.js'
import type { Site } from '../site.js'
import { type DyadMode, dyadInC, UCX, UCX_SOCKETS } from '../worlds/dyad-in-c.js'
import { FilesProgram, type Load } from '../worlds/files-program.js'
import { plain } from '../worlds/plain.js'
import { preloaded } from '../worlds/preloaded.js'
import type { World } from '../worlds/world.js'

interface Way {
  readonly dtlMode: 'tcp' | 'local'
  readonly other: DyadMode
  readonly target: number
}

const WAYS: readonly Way[] = [
  { dtlMode: 'tcp', other: UCX_SOCKETS, target: 1.5 },
  { dtlMode: 'local', other: UCX, target: 1.2 },
]

/** Large files consumed by one program, after another has produced all of them. */
export function large(form: Form): Comparison[] {
  return WAYS.map((way) => comparison(way, form))
}

function comparison({ dtlMode, other, target }: Way, { quick, dyad }: Form): Comparison {
  const load = { count: quick ? 4 : 64, bytes: (quick ? 1 : 16) * MiB }
  const title = `a C program consumes ${load.count} × ${load.bytes / MiB} MiB over \`${dtlMode}\``
  return {
    title,
    rows: [
      {
        title,
        value: 'speed',
        unit: 'MiB/s',
        against: { value: 'speed', title: `DYAD in C, ${other.name}` },
        target: { bound: 'at least', value: target },
      },
    ],
    needs: 2 * load.count * load.bytes,
    async prepare(site) {
      const files = await FilesProgram.compile(site)
      const ours = await preloaded(site, dtlMode)
      const base =
        dyad === undefined
          ? await (dtlMode === 'tcp' ? stream(site, load) : copies(site, files, load))
          : { baseline: consuming(files, await dyadInC(site, dyad, other), load) }
      return { ...base, standsIn: dyad === undefined, measure: consuming(files, ours, load) }
    },
  }
}

type Baseline = Pick<Rounds, 'baseline' | 'baselineTitle'>

async function stream(site: Site, { count, bytes }: Load): Promise<Baseline> {
  const { title, round } = await tcpStream(site)
  return { baselineTitle: title, baseline: async () => ({ speed: await round(count * bytes) }) }
}

function copies(site: Site, files: FilesProgram, load: Load): Baseline {
  const world = plain(site)
  return {
    baselineTitle: '`cp --reflink=auto`',
    async baseline() {
      const group = files.newGroup()
      await files.run('produce', world.producer, [group], load)
      const speed = await copy(site, world.producer.directory, frames(load.count, load.bytes, group))
      world.clear()
      return { speed }
    },
  }
}

function consuming(files: FilesProgram, world: World, load: Load): () => Promise<Values> {
  return async () => {
    await world.begin()
    const groups = [files.newGroup()]
    await files.run('produce', world.producer, groups, load)
    const seconds = await files.run('consume', world.consumer, groups, load)
    world.clear()
    return { speed: (load.count * load.bytes) / MiB / seconds }
  }
}
