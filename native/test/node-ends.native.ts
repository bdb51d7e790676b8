import { readFileSync } from 'node:fs'
import t from 'tap'
import { AgentRelay } from '../../packages/register/test/agent-relay.js'
import { TwoAgents } from '../../packages/register/test/two-nodes.js'
import { messageFrom, outcomeOf } from '../../test/harness/child.js'
import { LIBRARY } from './support/probe.js'

const nodes = await TwoAgents.start(t)
const socket = nodes.cluster.path('relay.sock')
const relay = await AgentRelay.start(t, socket, nodes.agent('A'))

function start(how: string, env: Record<string, string> = {}) {
  return nodes.start('A', 'ends', [how, nodes.cluster.directory('a')], { env: { DYAD_AGENT: socket, ...env } })
}

function fileOf(how: string): string {
  return how.replaceAll(' ', '-')
}

function content(how: string): string {
  return readFileSync(nodes.cluster.path('a', fileOf(how)), 'utf8')
}

for (const [loaded, env] of [
  ['alone', {}],
  ['with the preload library', { LD_PRELOAD: LIBRARY }],
] as const) {
  t.test(`what a program leaves open is published at its end, once: ${loaded}`, async (t) => {
    for (const [how, end] of [
      ['leaves it open', 0],
      ['exit', 3],
      ['leaves a FileHandle open', 0],
      ['a listener writes last', 0],
      ['a thread leaves it open', 0],
    ] as const) {
      relay.take()
      t.match(await outcomeOf(start(how, env)), { end, stderr: '' }, how)
      const published = relay.take().filter((asked) => asked.startsWith('produce'))
      t.same(published, [`produce ${fileOf(how)}`], how)
    }
    t.equal(content('a listener writes last'), 'a listener writes last and more')
  })

  t.test(`a program that does not finish publishes nothing: ${loaded}`, async (t) => {
    for (const [how, end] of [
      ['throws', 1],
      ['is killed', 'SIGKILL'],
    ] as const) {
      relay.take()
      t.match(await outcomeOf(start(how, env)), { end }, how)
      t.same(
        relay.take().filter((asked) => !asked.startsWith('change')),
        [],
        how,
      )
    }
  })

  t.test(`a file is published when the last process has closed it: ${loaded}`, async (t) => {
    relay.take()
    const parent = start('a child closes last', env)
    const ended = outcomeOf(parent)
    t.equal(await messageFrom(parent), 'closed')
    t.same(
      relay.take().filter((asked) => asked.startsWith('produce')),
      [],
      'the child has it open',
    )
    parent.send('go on')
    t.match(await ended, { end: 0, stderr: '' })
    t.same(relay.take(), ['produce a-child-closes-last'])
    t.equal(content('a child closes last'), 'a child closes lastchild')

    t.match(await outcomeOf(start('a child closes first', env)), { end: 0, stderr: '' })
    t.same(
      relay.take().filter((asked) => asked.startsWith('produce')),
      ['produce a-child-closes-first'],
    )
    t.equal(content('a child closes first'), 'a child closes firstchild then this')
  })
}

t.test('a publish that fails at the end fails the program', async (t) => {
  const env = { DYAD_AGENT: nodes.cluster.path('nobody.sock') }
  const { end, stderr } = await outcomeOf(start('finds no agent', env))
  t.equal(end, 1)
  t.match(stderr, /dyad: .*finds-no-agent is not published/)
})
