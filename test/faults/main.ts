/**
 * Kills and freezes each process of a small site before, during and after a transfer, round after
 * round, and checks every promise each time: `npm run test:faults -- --help`.
 */
import { inspect, parseArgs } from 'node:util'
import { type Cell, FAULTS, MOMENTS } from './cells.js'
import { Dice } from './dice.js'
import { playRound } from './round.js'
import { VICTIMS } from './site.js'

const HELP = `npm run test:faults -- [options]

Kills (kill -9) and freezes (SIGSTOP, then SIGCONT) the producer, its service, the broker, the consumer
and its service, before a file is published, midway of its transfer, and after it was read.

  --rounds N     rounds of the whole matrix (default 100)
  --seed N       seed of the first round; each round prints its own (default: the clock)
  --fault F      one fault alone: ${FAULTS.join(', ')}
  --moment M     one moment alone: ${MOMENTS.join(', ')}
  --victim V     one process alone: ${VICTIMS.join(', ')}
`

const MODES = ['tcp', 'rpc', 'local'] as const

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    fault: { type: 'string' },
    moment: { type: 'string' },
    victim: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

function wholeNumber(name: 'rounds' | 'seed', least: number): number {
  const value = Number(values[name])
  if (Number.isSafeInteger(value) && value >= least) return value
  return usage(`--${name} takes a whole number from ${least} on`)
}

function usage(text: string): never {
  console.error(`${text}\n\n${HELP}`)
  process.exit(2)
}

/** The values of one side of the matrix, or the one that was asked for. */
function chosen<T extends string>(all: readonly T[], name: 'fault' | 'moment' | 'victim'): readonly T[] {
  const asked = values[name]
  if (asked === undefined) return all
  const found = all.filter((value) => value === asked)
  return found.length > 0 ? found : usage(`--${name} takes one of ${all.join(', ')}`)
}

if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const rounds = wholeNumber('rounds', 1)
const seed = wholeNumber('seed', 0)
const cells: Cell[] = chosen(FAULTS, 'fault').flatMap((fault) =>
  chosen(MOMENTS, 'moment').flatMap((moment) =>
    chosen(VICTIMS, 'victim').map((victim): Cell => ({ fault, moment, victim })),
  ),
)

let failed = 0
for (let round = 0; round < rounds; round++) {
  const begun = performance.now()
  const dtlMode = MODES[(seed + round) % MODES.length] ?? 'tcp'
  const failures = await playRound(cells, dtlMode, new Dice(seed + round))
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  const outcome = failures.length === 0 ? 'ok' : 'not ok'
  console.log(`${outcome} round ${round + 1} of ${rounds}, over ${dtlMode}, --seed ${seed + round}, ${seconds} s`)
  for (const { what, error } of failures) console.log(`  not ok ${what}: ${inspect(error)}`)
  failed += failures.length
}
console.log(`${rounds * (cells.length + 1) - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
