import { type BenchFile, frames } from '../contents.js'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { type Comparison, type Form, KiB, type Part } from '../part.js'
import type { Row, Values } from '../row.js'
import { mean } from '../statistics.js'
import { type Coupling, coupleWithDyad, coupleWithoutDyad } from './md-couplings.js'
import { computingOf, MD_MODELS, type MdModel } from './md-models.js'
import { mdTable } from './md-table.js'

/**
 * The molecular-dynamics workflow: pairs of a simulation that writes a frame every so many steps
 * and of an analysis that reads it. Time that the analysis spends idle, until there is a frame, and
 * time that it spends moving it, apart.
 */
export const md: Part = {
  name: 'md',
  title: 'Molecular-dynamics frames',
  table: mdTable,
  comparisons: (form) =>
    form.md.models.flatMap((name) =>
      form.md.pairs.flatMap((pairs) => form.md.strides.map((stride) => comparison(name, pairs, stride, form))),
    ),
}

function comparison(name: string, pairs: number, stride: number, form: Form): Comparison {
  const model = MD_MODELS[name] as MdModel
  const frameBytes = form.quick ? Math.min(model.frameBytes, 64 * KiB) : model.frameBytes
  const { milliseconds, scale } = computingOf(model, stride)
  const computing = form.quick ? 1 : milliseconds
  const what = `${name}, ${pairs} pair${pairs === 1 ? '' : 's'}, stride ${stride}${scale > 1 ? ` (computing ÷ ${scale.toFixed(1)})` : ''}`
  return {
    title: what,
    rows: [
      row(`${what}: idle`, 'idle', 'byHandIdle', 'by hand'),
      row(`${what}: idle`, 'idle', 'barrierIdle', 'barrier'),
      row(`${what}: moving`, 'moving', 'byHandMoving', 'by hand'),
      row(`${what}: moving`, 'moving', 'barrierMoving', 'barrier'),
    ],
    needs: 2 * pairs * form.md.frames * frameBytes,
    async prepare(site) {
      const groups = Array.from({ length: pairs }, (_, i) => frames(form.md.frames, frameBytes, `group${i}`))
      const setting = { groups, computing, check: form.quick ? 'all' : 'edges' } as const
      const [dyad, { byHand, barrier }] = await Promise.all([
        Nodes.start(site).then((nodes) => coupleWithDyad(nodes, NETWORK_MODE, setting)),
        coupleWithoutDyad(site, setting),
      ])
      return {
        async baseline() {
          const hand = perFrame(await byHand(), groups)
          const coarse = perFrame(await barrier(), groups)
          return {
            byHandIdle: hand.idle,
            byHandMoving: hand.moving,
            byHandWriting: hand.writing,
            barrierIdle: coarse.idle,
            barrierMoving: coarse.moving,
            barrierWriting: coarse.writing,
          }
        },
        measure: async (): Promise<Values> => ({ ...perFrame(await dyad(), groups) }),
      }
    },
  }
}

function row(title: string, value: string, against: string, baseline: string): Row {
  return { title, value, unit: 'ms', against: { value: against, title: baseline } }
}

/** Milliseconds a frame, over all pairs. */
function perFrame(couplings: readonly Coupling[], groups: readonly (readonly BenchFile[])[]): Coupling {
  const count = groups[0]?.length ?? 0
  const each = (name: keyof Coupling) => mean(couplings.map((coupling) => coupling[name])) / count
  return { idle: each('idle'), moving: each('moving'), writing: each('writing') }
}
