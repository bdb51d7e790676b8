import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { firstLine, type Running, Sandbox, says } from './command.js'

/** Starts a node in the foreground that hosts a durable store, at the same address each time. */
async function withStore(sandbox: Sandbox): Promise<Running> {
  const node = sandbox.spawn(['start', '--json', '--broker', '--data', sandbox.at('data'), '--node', 'k'])
  sandbox.env['DYAD_KVS'] = JSON.parse(await firstLine(node)).kvs
  return node
}

async function killed({ child }: Running): Promise<void> {
  child.kill('SIGKILL')
  await endOf(child)
}

t.test('wait, get and watch say that the store is gone, and that it is back, and go on', async (t) => {
  await using sandbox = await Sandbox.make()
  const store = await withStore(sandbox)
  const waiting = [
    sandbox.spawn(['wait', 'x'], { DYAD_SYNC_DEBUG: '1' }),
    sandbox.spawn(['get', 'x', '-'], sandbox.on('n2')),
    sandbox.spawn(['watch']),
  ]
  const isLost = waiting.map((command) => says(command, /^waiting for the store ws:\S+ \(.+\) …$/m))
  const isBack = waiting.map((command) => says(command, /^the store ws:\S+ is back after \d+\.\d s$/m))
  const isTraced = Promise.all(
    ['lost', 'back'].map((what) =>
      says(waiting[0] as Running, new RegExp(`^dyad\\.kvs\\.${what} \\{\\s+address: 'ws:`, 'm')),
    ),
  )
  await Promise.all(waiting.slice(0, 2).map((command) => says(command, /^waiting for x …$/m)))
  // The watch has begun once it prints the published file.
  const watched = firstLine(waiting[2] as Running)
  t.equal((await sandbox.run(['put', '-', 'w'], sandbox.on('n1'), 'w')).code, 0)
  t.equal(await watched, 'w')
  await killed(store)
  await Promise.all(isLost)
  await withStore(sandbox)
  await Promise.all(isBack)
  await isTraced
  t.equal((await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')).code, 0)
  t.match(await waiting[0]?.ended, { code: 0, stdout: 'x\n' })
  t.match(await waiting[1]?.ended, { code: 0, stdout: 'x' })
  waiting[2]?.child.kill('SIGINT')
  t.equal((await waiting[2]?.ended)?.code, 130)
})

t.test('a limit is kept while the store hangs, and the error names the store', async (t) => {
  await using sandbox = await Sandbox.make()
  const store = await withStore(sandbox)
  store.child.kill('SIGSTOP')
  // The store's own time would outlast the test.
  const patient = ['--kvs-timeout', '600000', '--timeout', '3000']
  const all = [
    ['wait', 'x'],
    ['get', 'x'],
  ].map(async (args) => {
    const { code, stdout, stderr } = await sandbox.run([...args, ...patient], sandbox.on('n2'))
    t.match({ code, stdout }, { code: 5, stdout: '' }, args.join(' '))
    t.match(stderr, /^waiting for the store ws:\S+ \(it does not answer\) …\ndyad: ERR_DYAD_KVS_UNREACHABLE: .*3000 ms/)
  })
  await Promise.all(all)
  store.child.kill('SIGCONT')
})

t.test('a store that is not there is named at once', async (t) => {
  await using sandbox = await Sandbox.make()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const kvs = `ws://127.0.0.1:${port}`
  const all = [['ls'], ['lookup', 'x'], ['watch'], ['wait', 'x'], ['namespace', 'list'], ['start']].map(
    async (args) => {
      const command = sandbox.spawn([...args, '--kvs', kvs, '--kvs-timeout', '600000'])
      await says(command, new RegExp(`^waiting for the store ${kvs} \\(.*ECONNREFUSED.*\\) …\n`))
      command.child.kill('SIGTERM')
      t.equal((await command.ended).code, 143, args.join(' '))
    },
  )
  await Promise.all(all)
  const refused = await sandbox.run(['ls', '--kvs', kvs, '--kvs-timeout', '300'])
  t.match(refused, { code: 5, stderr: /\ndyad: ERR_DYAD_KVS_UNREACHABLE: .*ECONNREFUSED/ })
})
