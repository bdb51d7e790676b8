import { test } from 'tap'
import { TwoAgents } from '../../packages/register/test/two-nodes.js'
import { outcomeOf } from '../../test/harness/child.js'
import { LIBRARY } from './support/probe.js'

test('children that are not Node take part in a program that loads @dyad-ts/dyad/register by hand', async (t) => {
  const nodes = await TwoAgents.start(t)
  const core = await nodes.cluster.consumer()
  for (const [name, env] of [
    ['alone', {}],
    ['preloaded', { LD_PRELOAD: LIBRARY }],
  ] as const) {
    const child = nodes.start('A', 'inherit', ['a shell', nodes.cluster.path('a', name)], { env })
    t.match(await outcomeOf(child), { end: 0, stdout: '', stderr: '' }, name)
    t.match(await core.ask('lookup', name), { size: 'a shell'.length }, name)
  }
})
