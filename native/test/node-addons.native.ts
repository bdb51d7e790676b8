/** Addons of Node that open files themselves. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Sandbox } from '../../packages/dyad/test/cli/command.js'
import { AgentRelay } from '../../packages/register/test/agent-relay.js'
import { TwoAgents } from '../../packages/register/test/two-nodes.js'
import { outcomeOf } from '../../test/harness/child.js'
import { consuming, producing, waits } from './support/dyad-run.js'
import { LIBRARY } from './support/probe.js'

const SOURCE = fileURLToPath(new URL('addons/files.c', import.meta.url))
/**
 * How an addon is compiled: its calls go through a table for calls, or through one of addresses, as
 * those of Rust do.
 */
const KINDS = { calls: [], addresses: ['-fno-plt'] } as const

/** Compiles the addon; its path as a word of JavaScript. */
function addon(at: string, options: readonly string[]): string {
  const args = ['-shared', '-fPIC', '-O1', ...options, '-o', at, SOURCE]
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.stringify(at)
}

const node = (code: string) => ['--', process.execPath, '--eval', code]
const word = (path: string) => JSON.stringify(path)

for (const [kind, options] of Object.entries(KINDS)) {
  test(`an addon takes part under dyad run, as Node itself does: ${kind}`, async (t) => {
    await using sandbox = await Sandbox.withNodes()
    const files = addon(sandbox.at('files.node'), options)
    const read = `process.stdout.write(require(${files}).read(${word(sandbox.at('n2/one'))}))`
    const waiting = sandbox.spawn([...consuming(sandbox), ...node(read)])
    await Promise.race([waits(sandbox), waiting.ended])
    const write = `require(${files}).write(${word(sandbox.at('n1/one'))}, 'by an addon')
      fs.writeFileSync(${word(sandbox.at('n1/two'))}, fs.readFileSync(${word(sandbox.at('n1/one'))}))`
    t.match(await sandbox.run([...producing(sandbox), '--report', 'r.json', ...node(write)]), { code: 0, stderr: '' })
    t.match(await waiting.ended, { code: 0, stdout: 'by an addon', stderr: '' })
    t.match(JSON.parse(readFileSync(sandbox.at('r.json'), 'utf8')), { produced: { files: 2, bytes: 22 }, failed: 0 })
    const never = `require(${files}).read(${word(sandbox.at('n2/never'))})`
    const failed = await sandbox.run([...consuming(sandbox), '--timeout', '200', ...node(never)])
    t.match(failed, { code: 1, stderr: /^open: Connection timed out$/m })
  })
}

test('a program that is to load no addon takes part', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const write = ['--', process.execPath, '--no-addons', '--eval', `fs.writeFileSync(${word(sandbox.at('n1/x'))}, 'x')`]
  t.match(await sandbox.run([...producing(sandbox), ...write]), { code: 0, stdout: '', stderr: '' })
  t.match((await sandbox.run(['ls', '--json'])).stdout, /"path":"x"/)
})

test('what is asked for an addon, and for Node beside it, is asked once', async (t) => {
  const nodes = await TwoAgents.start(t)
  const socket = nodes.cluster.path('relay.sock')
  const relay = await AgentRelay.start(t, socket, nodes.agent('A'))
  const directory = nodes.cluster.directory('a')
  const files = addon(nodes.cluster.path('files.node'), [])
  const env = { DYAD_AGENT: socket, LD_PRELOAD: LIBRARY }
  const program = nodes.start('A', 'addon', [directory, JSON.parse(files)], { env })
  t.match(await outcomeOf(program), { end: 0, stdout: '', stderr: '' })
  t.same(relay.take(), [
    'produce addon',
    'produce sync',
    'produce promise',
    'move sync moved',
    'change moved',
    'produce moved',
    'remove promise',
    'produce thread',
  ])
})
