import { readdir, readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { firstLine, Sandbox } from './command.js'

t.test("a store that is nobody's node serves nodes, is shown and stopped, and keeps its records", async (t) => {
  await using sandbox = await Sandbox.make()
  const args = ['broker', '--json', '--data', sandbox.at('data')]
  const killed = sandbox.spawn(args)
  const { kvs, pid, broker } = JSON.parse(await firstLine(killed))
  t.match({ pid, broker }, { pid: killed.child.pid, broker: { durable: true, namespaces: 1, notices: [] } })
  sandbox.env['DYAD_KVS'] = kvs
  const node = await sandbox.run(['start', '-d', '--node', 'n1', sandbox.at('n1')])
  t.equal(node.code, 0, node.stderr)
  t.equal((await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')).code, 0)

  const status = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  t.match(status, { services: [{ node: 'n1' }], brokers: [{ kvs, pid }], store: { durable: true } })
  t.equal(status.store.nodes.length, 1, 'it is none of the nodes')
  t.match((await sandbox.run(['status'])).stdout, `store ${kvs}  process ${pid}, nobody's node, durable`)

  killed.child.kill('SIGKILL')
  await endOf(killed.child)
  t.match((await sandbox.run(['stop', '--broker'])).code, 3, 'there is none')
  const again = sandbox.spawn(args)
  t.equal(JSON.parse(await firstLine(again)).kvs, kvs, 'at the address that it had')
  t.equal((await sandbox.run(['lookup', 'x'])).code, 0)
  t.same(await sandbox.run(['stop', '--node', 'n1']), { code: 0, stdout: 'n1\n', stderr: '' })
  t.same(await sandbox.run(['stop', '--broker']), { code: 0, stdout: `${kvs}\n`, stderr: '' })
  t.equal((await again.ended).code, 0)
})

t.test('a store in the background is ready when the command returns, and ends with all others', async (t) => {
  await using sandbox = await Sandbox.make()
  const store = await sandbox.run(['broker', '-d', '--namespace', 'other'])
  t.equal(store.code, 0, store.stderr)
  const [, kvs = ''] = /^ready: store (ws:\S+), in memory\n$/.exec(store.stdout) ?? []
  sandbox.env['DYAD_KVS'] = kvs
  t.equal((await sandbox.run(['namespace', 'list'])).stdout, 'other\n')
  const second = await sandbox.run(['broker', '-d'])
  t.match(second, { code: 9, stdout: '', stderr: /^dyad: ERR_DYAD_BIND: / }, 'two at one address')
  const none = await sandbox.run(['broker', '--kvs', 'memory:'])
  t.match(none, { code: 2, stderr: /^dyad: ERR_DYAD_OPTION: / })
  t.same(await sandbox.run(['stop', '--all']), { code: 0, stdout: `${kvs}\n`, stderr: '' })
})

t.test('a damaged log stops the start, and its repair is told', async (t) => {
  await using sandbox = await Sandbox.make()
  const data = sandbox.at('data')
  const args = ['broker', '--json', '--data', data]
  const first = sandbox.spawn(args)
  sandbox.env['DYAD_KVS'] = JSON.parse(await firstLine(first)).kvs
  for (const name of ['a', 'b', 'c']) {
    t.equal((await sandbox.run(['put', '-', name], sandbox.on('n1'), `content of ${name}`)).code, 0)
  }
  await sandbox.run(['stop', '--broker'])
  await first.ended
  t.match(await sandbox.run(['broker', 'repair', data]), { code: 0, stdout: /^nothing to repair: 3 records in 1 name/ })
  const file = sandbox.at('data/log.0')
  const bytes = await readFile(file)
  bytes.writeUInt8(0, bytes.indexOf('content of a'))
  await writeFile(file, bytes)
  for (const command of [args, ['broker', '-d', '--data', data], ['start', '--broker', '--data', data]]) {
    const damaged = await sandbox.run(command)
    t.match(damaged, { code: 10, stdout: '' })
    t.match(damaged.stderr, /^dyad: ERR_DYAD_LOG: .*log\.0' .*\(is damaged at byte \d+.*`dyad broker repair DIRECTORY`/)
  }
  t.ok((await readFile(file)).equals(bytes))
  const repaired = JSON.parse((await sandbox.run(['broker', 'repair', data, '--json'])).stdout)
  t.match(repaired, { records: 2, namespaces: 1, renamed: [] })
  t.ok(repaired.unreadableBytes > 0)
  t.same(
    (await readdir(repaired.formerFiles)).filter((name) => name !== 'lock'),
    ['log.0'],
  )
  const second = sandbox.spawn(args)
  await firstLine(second)
  t.equal((await sandbox.run(['ls'])).stdout.match(/ (b|c)\n/g)?.length, 2)
  await sandbox.run(['stop', '--broker'])
  await second.ended
  const log = sandbox.at(`data/${(await readdir(data)).filter((name) => name.startsWith('log.')).pop()}`)
  await writeFile(log, Buffer.concat([await readFile(log), Buffer.from('torn')]))
  const third = sandbox.spawn(args)
  t.match(JSON.parse(await firstLine(third)).broker.notices, [/^4 bytes at the end of .*were cut off; they are in/])
  await sandbox.run(['stop', '--broker'])
  t.match(await third.ended, { code: 0, stderr: /^dyad: 4 bytes at the end of/ })
  await writeFile(log, Buffer.concat([await readFile(log), Buffer.from('torn')]))
  const node = await sandbox.run(['start', '-d', '--broker', '--data', data, '--node', 'n1', sandbox.at('n1')])
  t.match(node, { code: 0, stderr: /^dyad: 4 bytes at the end of .*were cut off; they are in/ })
})
