import t from 'tap'
import { messageFrom, outcomeOf } from '../../../test/harness/child.js'
import { TwoAgents } from './two-nodes.js'

t.test('a program on graceful-fs takes part', async (t) => {
  const nodes = await TwoAgents.start(t)
  for (const order of ['beside', 'patched']) {
    const reader = nodes.start('B', 'on-top', ['read', order, nodes.cluster.directory('b')])
    const read = outcomeOf(reader)
    await messageFrom(reader)
    const wrote = await nodes.run('A', 'on-top', ['write', order, nodes.cluster.directory('a')])
    t.match(wrote, { end: 0, stderr: '' }, order)
    const { stdout, stderr } = await read
    t.equal(stderr, '')
    t.same(JSON.parse(stdout), ['by a stream', 'by writeFile', 'by appendFile', 'by writeFile'], order)
  }
})
