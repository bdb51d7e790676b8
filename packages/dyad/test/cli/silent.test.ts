import t from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { firstLine, Sandbox } from './command.js'

t.test('a service that is frozen is named with its process, and hides nothing else', async (t) => {
  await using sandbox = await Sandbox.make()
  const first = sandbox.spawn(['start', '--json', '--broker', '--node', 'n1', sandbox.at('n1')])
  const { kvs, pid: broker } = JSON.parse(await firstLine(first))
  sandbox.env['DYAD_KVS'] = kvs
  const second = sandbox.spawn(['start', '--json', '--node', 'n2', sandbox.at('n2')])
  const { pid } = JSON.parse(await firstLine(second))
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => second.child.kill('SIGKILL'))
  const line = new RegExp(`dyad: ERR_DYAD_SILENT: .*'n2' \\(process ${pid} did not answer.*kill -9 ${pid}\``)

  const [json, plain, stop, start] = await Promise.all([
    sandbox.run(['status', '--json', '--timeout', '3000']),
    sandbox.run(['status', '--timeout', '3000']),
    sandbox.run(['stop', '--json', '--node', 'n2', '--timeout', '3000']),
    sandbox.run(['start', '--node', 'n2', sandbox.at('n2')]),
  ])
  const status = JSON.parse(json.stdout)
  t.match(status, {
    services: [{ node: 'n1', pid: broker }],
    failures: [{ code: 'ERR_DYAD_SILENT', node: 'n2', detail: `process ${pid} did not answer in 3000 ms` }],
    store: { namespaces: ['test'] },
  })
  t.match(json, { code: 4, stderr: line })
  t.match(plain, { code: 4, stderr: line })
  t.match(plain.stdout, new RegExp(`^ {2}n2 {2}does not answer: process ${pid}[^]*\nnamespaces\n {2}test\n`, 'm'))
  t.match(stop, { code: 4, stderr: line })
  t.match(JSON.parse(stop.stdout), { ended: [], failures: [{ node: 'n2' }] }, 'stop ends nobody by force')
  t.match(start, { code: 9, stderr: new RegExp(`^dyad: ERR_DYAD_NODE_TAKEN: .*process ${pid} .*kill -9 ${pid}`) })

  process.kill(pid, 'SIGCONT')
  t.equal((await second.ended).code, 0, 'it had been asked to end')
})

t.test('a store that is frozen or gone hides no service', async (t) => {
  await using sandbox = await Sandbox.make()
  const store = sandbox.spawn(['start', '--json', '--broker', '--node', 'k'])
  const { kvs, pid } = JSON.parse(await firstLine(store))
  sandbox.env['DYAD_KVS'] = kvs
  const node = sandbox.spawn(['start', '--json', '--node', 'n1', sandbox.at('n1')])
  await firstLine(node)
  process.kill(pid, 'SIGSTOP')
  const frozen = await Promise.all([
    sandbox.run(['status', '--json', '--timeout', '3000']),
    sandbox.run(['ls', '--timeout', '3000']),
  ])
  t.match(JSON.parse(frozen[0].stdout), {
    services: [{ node: 'n1' }],
    failures: [{ code: 'ERR_DYAD_SILENT', node: 'k' }],
    store: { address: kvs, failure: { code: 'ERR_DYAD_KVS_UNREACHABLE' } },
  })
  t.match(frozen[0], { code: 1, stderr: /ERR_DYAD_KVS_UNREACHABLE/ })
  t.match(frozen[1], { code: 5, stderr: /waiting for the store .*\ndyad: ERR_DYAD_KVS_UNREACHABLE: .* 3000 ms/ })

  process.kill(pid, 'SIGKILL')
  await endOf(store.child)
  const [json, plain] = await Promise.all([
    sandbox.run(['status', '--json', '--timeout', '2000']),
    sandbox.run(['status', '--timeout', '2000']),
  ])
  t.match(JSON.parse(json.stdout), {
    services: [{ node: 'n1' }],
    failures: [],
    store: { failure: { code: 'ERR_DYAD_KVS_UNREACHABLE' } },
  })
  t.match(plain, { code: 5, stderr: /^waiting for the store .*ECONNREFUSED/ })
  t.match(plain.stdout, new RegExp(`\n {2}n1 {2}process \\d+[^]*\nstore\n {2}does not answer: ${kvs}: .*ECONNREFUSED`))
  t.equal((await sandbox.run(['stop', '--node', 'n1'])).code, 0, 'a service without its store can be stopped')
})
