import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { REGISTER, TwoAgents } from './two-nodes.js'

const HIDE = fileURLToPath(new URL('programs/hide-addon.cjs', import.meta.url))

t.test('without the addon synchronous calls say what to build, and asynchronous ones work', async (t) => {
  const nodes = await TwoAgents.start(t)
  const [a, beside] = [nodes.cluster.directory('a'), nodes.cluster.directory('beside')]
  const execArgv = ['--require', HIDE, '--import', REGISTER]
  const { stdout, stderr } = await nodes.run('A', 'without-addon', [a, beside], { execArgv })
  t.equal(stderr, '')
  const refused = ['ERR_DYAD_ADDON', true]
  t.same(JSON.parse(stdout), [refused, refused, refused, false], 'producers alone do not wait for a file')
  t.ok(existsSync(`${beside}/plain`), 'nothing was done')
  const core = await nodes.cluster.consumer()
  t.match(await core.ask('lookup', 'managed'), { size: 1 })
})
