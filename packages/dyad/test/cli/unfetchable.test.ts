import t from 'tap'
import { firstLine, Sandbox, says } from './command.js'

t.test('put warns where nobody can fetch what it publishes, and says what to do', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const served = await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x')
  t.same(served, { code: 0, stdout: 'x\n', stderr: '' }, 'one machine, all at loopback: there is nothing to warn of')

  const elsewhere = { DYAD_NODE: 'n1', DYAD_PATH_PRODUCER: sandbox.at('other') }
  const other = await sandbox.run(['put', '-', 'y', '--json'], elsewhere, 'y')
  t.match(other, {
    code: 0,
    stderr: /^dyad: warning: the service of node 'n1' serves \S+n1: nobody can fetch files of/,
  })
  t.match(JSON.parse(other.stdout), { path: 'y' })

  const nobody = await sandbox.run(['put', '-', 'z'], { ...elsewhere, DYAD_NODE: 'n9' }, 'z')
  t.match(nobody, { code: 0, stdout: 'z\n' })
  const line = `no service of node 'n9' runs: .* until \`dyad start ${sandbox.at('other')}\` runs with DYAD_NODE=n9, or .*`
  t.match(nobody.stderr, new RegExp(`^dyad: warning: ${line}\n$`))
})

t.test('a service at loopback whose store is not warns, and so does who publishes there', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  // The same store at an address outside loopback.
  const kvs = String(sandbox.env['DYAD_KVS']).replace('127.0.0.1', '0.0.0.0')
  const advice = /warning: no other host can fetch from node 'n3': .*--host ADDRESS .*--advertise NAME.*token/
  const node = sandbox.spawn(['start', '--json', '--kvs', kvs, '--node', 'n3', sandbox.at('n3')])
  const warned = says(node, advice)
  t.match(JSON.parse(await firstLine(node)), { reach: 'host', warnings: [/^no other host can fetch from node 'n3'/] })
  await warned
  t.match((await sandbox.run(['status'])).stdout, advice)
  const put = await sandbox.run(
    ['put', '-', 'x'],
    { DYAD_KVS: kvs, DYAD_NODE: 'n3', DYAD_PATH_PRODUCER: sandbox.at('n3') },
    'x',
  )
  t.match(put, { code: 0, stdout: 'x\n', stderr: advice })
  const got = await sandbox.run(['get', 'x', '-'], sandbox.on('n2'))
  t.same(got, { code: 0, stdout: 'x', stderr: '' }, 'on this host it can be fetched all the same')
})
