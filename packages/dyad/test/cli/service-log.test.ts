import { readFileSync } from 'node:fs'
import t from 'tap'
import { firstLine, Sandbox, says } from './command.js'

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn |info |debug) \S[^\n]*$/

t.test('a service logs each event in a line with its time and level', async (t) => {
  await using sandbox = await Sandbox.make()
  const node = sandbox.spawn(['start', '--broker', '--node', 'n1', '--log-level', 'debug', sandbox.at('n1')])
  const told = says(node, / info {2}started: node n1 serves \S+ over local, tcp, rpc; store ws:\S+ .*; process \d+\n/)
  await firstLine(node)
  await told
  t.equal((await sandbox.run(['stop', '--node', 'n1'])).code, 0)
  const { code, stderr } = await node.ended
  t.equal(code, 0)
  const lines = stderr.trimEnd().split('\n')
  t.ok(lines.length >= 2)
  for (const line of lines) t.match(line, LINE)
  t.match(lines.at(-1), / info {2}ends: `dyad stop` asked for it$/)
})

t.test('a level leaves less important events out', async (t) => {
  await using sandbox = await Sandbox.make()
  const node = sandbox.spawn(['start', '--broker', '--node', 'n1'], { DYAD_LOG_LEVEL: 'warn' })
  await firstLine(node)
  node.child.kill('SIGTERM')
  t.same(await node.ended.then(({ code, stderr }) => ({ code, stderr })), { code: 0, stderr: '' })
  const wrong = await sandbox.run(['broker', '--log-level', 'loud'])
  t.match(wrong, { code: 2, stderr: /'loud' is invalid\. none of .*; accepted: error, warn, info, debug/ })
})

t.test('the log of a service in the background is a file, which status names', async (t) => {
  await using sandbox = await Sandbox.make()
  const first = await sandbox.run(['start', '-d', '--json', '--broker', '--node', 'n1'])
  sandbox.env['DYAD_KVS'] = JSON.parse(first.stdout).kvs
  const waiting = sandbox.spawn(['wait', 'a/frame-1.bin'])
  const second = sandbox.spawn(['wait', 'a/frame-1.bin'])
  await Promise.all([says(waiting, /waiting for/), says(second, /waiting for/)])
  const { services, store } = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  const { log } = services[0]
  t.match(log, sandbox.at('state/services'))
  t.same(store.awaited, [{ namespace: 'test', path: 'a/frame-1.bin', waiters: 2 }])
  const { stdout } = await sandbox.run(['status'])
  t.match(stdout, `\n    log ${log}\n`)
  t.match(stdout, '\nwaited for\n  a/frame-1.bin  in test, 2 waiters\n')
  t.match(stdout, /\n {2}1 namespace, no records, 2 waiters, /)
  const away = await sandbox.run(['start', '-d', '--node', 'n2'])
  t.equal(away.code, 0, away.stderr)
  const file = JSON.parse((await sandbox.run(['status', '--json'])).stdout).services[1].log
  for (const { child } of [waiting, second]) child.kill('SIGTERM')
  process.kill(services[0].pid, 'SIGKILL')
  t.equal((await sandbox.run(['stop', '--node', 'n2'])).code, 0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  for (const line of lines) t.match(line, LINE)
  t.match(lines[0], / info {2}started: node n2 /)
  t.match(lines.at(-1), / info {2}ends: /)
})
