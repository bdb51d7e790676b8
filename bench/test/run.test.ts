import { tmpdir } from 'node:os'
import { test } from 'tap'
import { type Comparison, NotAvailable, type Part, type Rounds } from '../part.js'
import { type RunOptions, runPart } from '../run.js'
import { Site } from '../site.js'

function optionsOf(given: Partial<RunOptions> = {}): RunOptions {
  const { signal } = new AbortController()
  return {
    rounds: 2,
    warmUps: 1,
    judges: true,
    site: () => new Site(tmpdir(), signal),
    progress: () => {},
    signal,
    ...given,
  }
}

function partOf(...comparisons: Comparison[]): Part {
  return { name: 'part', title: 'Part', comparisons: () => comparisons }
}

function comparisonOf(prepare: Comparison['prepare'], more: Partial<Comparison> = {}): Comparison {
  const row = { title: 'time', value: 'took', unit: 'ms', against: { value: 'took', title: 'plain' } } as const
  return { title: 'comparison', rows: [row], needs: 0, prepare, ...more }
}

const works: Rounds = { baseline: async () => ({ took: 1 }), measure: async () => ({ took: 2 }) }

async function run(comparison: Comparison, given: Partial<RunOptions> = {}) {
  const part = partOf(
    comparison,
    comparisonOf(async () => works),
  )
  const { comparisons } = await runPart(part, part.comparisons({} as never), optionsOf(given))
  return comparisons
}

test('baseline and measure take turns, and what warms up does not count', async (t) => {
  const done: string[] = []
  let count = 0
  const turn = (name: string) => async () => {
    done.push(name)
    return { took: ++count }
  }
  const [outcome] = await run(comparisonOf(async () => ({ baseline: turn('baseline'), measure: turn('measure') })))
  t.same(done, ['baseline', 'measure', 'baseline', 'measure', 'baseline', 'measure'])
  t.same(outcome?.rounds, [
    { baseline: { took: 3 }, measure: { took: 4 } },
    { baseline: { took: 5 }, measure: { took: 6 } },
  ])
})

test('what need not warm up does not', async (t) => {
  let count = 0
  const measure = async () => ({ took: ++count })
  const [outcome] = await run(comparisonOf(async () => ({ ...works, measure }), { warmsUp: false }))
  t.equal(count, 2)
  t.equal(outcome?.rounds.length, 2)
})

test('one that fails, or is not there yet, says why, and the next one runs', async (t) => {
  const failing = async () => {
    throw new Error('wrong bytes')
  }
  const failed = await run(comparisonOf(async () => ({ ...works, measure: failing })))
  t.match(failed, [{ reason: 'wrong bytes', rows: [{ verdict: 'failed' }] }, { rows: [{ verdict: 'ran' }] }])
  const missing = await run(
    comparisonOf(async () => {
      throw new NotAvailable('no such transport')
    }),
  )
  t.match(missing, [{ reason: 'no such transport', rows: [{ verdict: 'n.a.' }] }, { rows: [{ verdict: 'ran' }] }])
})

test('a site ends what it owns, the latest first, however its comparison ended', async (t) => {
  const ended: string[] = []
  await run(
    comparisonOf(async (site) => {
      site.defer(() => ended.push('first'))
      site.defer(() => ended.push('second'))
      throw new Error('half prepared')
    }),
  )
  t.same(ended, ['second', 'first'])
})

test('an interruption ends everything', async (t) => {
  const interruption = new AbortController()
  const measure = async () => {
    interruption.abort(new Error('Ctrl-C'))
    return { took: 1 }
  }
  let ended = false
  const interrupted = comparisonOf(async (site) => {
    site.defer(() => {
      ended = true
    })
    return { ...works, measure }
  })
  await t.rejects(run(interrupted, { signal: interruption.signal }), /Ctrl-C/)
  t.ok(ended)
})
