import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DyadCore } from '@dyad-ts/core'
import { memoryKvs } from '@dyad-ts/kvs-client'
import t from 'tap'
import { agentPath, openAgent } from '../src/index.js'

type Teardown = { teardown(work: () => unknown): void }

/** A place for an agent, which is removed after the test. */
function site(t: Teardown) {
  const root = mkdtempSync(join(tmpdir(), 'dyad-agent-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const stateDir = join(root, 'state')
  const options = {
    path: join(root, 'agents', 'a.sock'),
    stateDir,
    openSession: async (given: object, env: NodeJS.ProcessEnv) =>
      new DyadCore({ ...given, kvs: memoryKvs(), transports: [] }, env),
  }
  return { root, options }
}

/** Starts an agent in another process. */
async function another(t: Teardown, { path, stateDir }: { path: string; stateDir: string }) {
  const program = fileURLToPath(new URL('agent-process.ts', import.meta.url))
  const child = fork(program, [path, stateDir], { execArgv: ['--import=tsx'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

t.test('where an agent listens follows from the node', async (t) => {
  // FNV-1a of 64 bits, from its authors' vectors.
  t.equal(agentPath('/s', ''), '/s/agents/cbf29ce484222325.sock')
  t.equal(agentPath('/s', 'a'), '/s/agents/af63dc4c8601ec8c.sock')
  t.equal(agentPath('/s', 'foobar'), '/s/agents/85944171f73967e8.sock')
})

t.test('of agents that start at one path at once, one does, and is closed without a trace', async (t) => {
  const { options } = site(t)
  const starting = Array.from({ length: 5 }, () => openAgent(options))
  const started = await Promise.allSettled(starting)
  const agents = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const codes = started.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
  t.equal(agents.length, 1)
  t.strictSame(codes, Array(4).fill('ERR_DYAD_BIND'))
  t.equal(statSync(options.path).mode & 0o777, 0o600)
  t.equal(statSync(join(options.path, '..')).mode & 0o777, 0o700)
  await Promise.all(agents.flatMap((agent) => [agent.close(), agent.close()]))
  t.strictSame(readdirSync(join(options.path, '..')), [])
})

t.test('an agent that was killed is no obstacle, one that is frozen is', async (t) => {
  const { options } = site(t)
  const child = await another(t, options)
  child.kill('SIGSTOP')
  await t.rejects(openAgent(options), { code: 'ERR_DYAD_BIND', message: /an agent listens at/ })
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  t.ok(statSync(options.path).isSocket(), 'it left its socket')
  await using agent = await openAgent(options)
  t.equal(agent.path, options.path)
})

t.test('what is no socket stays, and the start fails', async (t) => {
  const { root, options } = site(t)
  mkdirSync(join(root, 'agents'), { mode: 0o700 })
  writeFileSync(options.path, 'of somebody')
  await t.rejects(openAgent(options), { code: 'ERR_DYAD_BIND' })
  t.equal(readFileSync(options.path, 'utf8'), 'of somebody')
})

t.test('a directory that others can enter, and a path that is too long, are refused', async (t) => {
  const { root, options } = site(t)
  mkdirSync(join(root, 'agents'), { mode: 0o755 })
  await t.rejects(openAgent(options), { code: 'ERR_DYAD_OPTION', message: /chmod 700/ })
  const path = join(root, 'x'.repeat(100), 'a.sock')
  await t.rejects(openAgent({ ...options, path }), { code: 'ERR_DYAD_OPTION', message: /103 bytes/ })
})
