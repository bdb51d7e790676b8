import { fileURLToPath } from 'node:url'
import t from 'tap'
import { outcomeOf } from '../../../test/harness/child.js'
import { REGISTER, TwoAgents } from './two-nodes.js'

const WAYS = [
  'a thread',
  'a thread with options of its own',
  'a thread with an environment of its own',
  'a child',
  'a child elsewhere',
  'a child that is waited for',
  'a child of a shell',
  'a fork elsewhere',
]
/** Where the name `@dyad-ts/dyad/register` leads to the package. */
const WORKSPACE = fileURLToPath(new URL('../../..', import.meta.url))

t.test('children and threads of a program take part as it does', async (t) => {
  const nodes = await TwoAgents.start(t)
  const core = await nodes.cluster.consumer()
  const hard = ['a thread with options of its own', 'a fork elsewhere']
  const loads: Record<string, { execArgv: string[]; env: Record<string, string>; ways: string[] }> = {
    'by its name': { execArgv: ['--import', '@dyad-ts/dyad/register'], env: {}, ways: WAYS },
    'by its name, in one word': { execArgv: ['--import=@dyad-ts/dyad/register'], env: {}, ways: hard },
    'in the environment': { execArgv: [], env: { NODE_OPTIONS: `--import=${REGISTER}` }, ways: hard },
    'by its name in the environment': {
      execArgv: [],
      env: { NODE_OPTIONS: '--import @dyad-ts/dyad/register' },
      ways: WAYS,
    },
  }
  for (const [load, { ways, ...options }] of Object.entries(loads)) {
    for (const [number, way] of ways.entries()) {
      const name = `${load}-${number}`
      const child = nodes.start('A', 'inherit', [way, nodes.cluster.path('a', name)], { ...options, cwd: WORKSPACE })
      t.match(await outcomeOf(child), { end: 0, stderr: '' }, `${way}, loaded ${load}`)
      t.match(await core.ask('lookup', name), { size: way.length }, `${way}, loaded ${load}`)
    }
  }
})

t.test('a child without the variables does not take part', async (t) => {
  const nodes = await TwoAgents.start(t)
  const core = await nodes.cluster.consumer()
  const env = { DYAD_PATH_PRODUCER: undefined }
  const child = nodes.start('A', 'inherit', ['a thread', nodes.cluster.path('a', 'x')], { env })
  t.match(await outcomeOf(child), { end: 0, stderr: '' })
  t.equal(await core.ask('lookup', 'x'), undefined)
})
