import { encodeNodeEntry, visible } from '@dyad/core'
import { brokerKvs } from '@dyad/kvs-client'
import t from 'tap'
import { Sandbox } from './command.js'

/** Names of files that others may choose. */
const EVIL = [
  'a\nforged',
  '\u001b[2J\u001b[31mred',
  '\u202egnp.exe',
  'c1\u009b31m',
  'line\u2028separator',
  'tab\tend\r',
]
const GOOD = 'schön/日本語-🎉'

/** Lines as they came from a terminal of no colours. */
const linesOf = (stdout: string) => stdout.trimEnd().split('\r\n')

t.test('no name forges a line or reaches a terminal raw, and --json is exact', async (t) => {
  await using sandbox = await Sandbox.withNodes({ NO_COLOR: '1' })
  const names = [...EVIL, GOOD].sort()
  for (const name of names) t.equal((await sandbox.run(['put', '-', name], sandbox.on('n1'), 'x')).code, 0)

  const listed = await sandbox.runOnTerminal(['ls'])
  const lines = linesOf(listed.stdout)
  t.equal(lines.length, names.length + 1)
  for (const [i, line] of lines.entries()) {
    t.equal(visible(line), line)
    if (i > 0) t.ok(line.endsWith(`  ${visible(names[i - 1] ?? '')}`))
  }
  t.match(listed.stdout, GOOD, 'what is no harm is readable')

  const [heading = '', ...piped] = (await sandbox.run(['ls'])).stdout.replace(/\n$/, '').split('\n')
  t.strictSame(
    piped.map((line) => line.slice(heading.indexOf('PATH'))),
    names.map((name) => name.replaceAll('\n', '\\n').replaceAll('\r', '\\r')),
    'a pipe gets them as they are, but for ends of lines',
  )
  {
    const { stdout } = await sandbox.run(['ls', '--json'])
    t.strictSame(
      (JSON.parse(stdout) as { path: string }[]).map(({ path }) => path),
      names,
    )
    t.equal(visible(stdout.trimEnd()), stdout.trimEnd(), 'and does nothing to a terminal either')
  }
  {
    const name = EVIL.join('')
    t.equal((await sandbox.run(['put', '-', name], sandbox.on('n1'), 'x')).code, 0)
    for (const command of ['lookup', 'wait', 'get']) {
      const { code, stdout } = await sandbox.runOnTerminal([command, name], sandbox.on('n2'))
      t.equal(code, 0, command)
      for (const line of linesOf(stdout)) t.equal(visible(line), line, command)
      if (command === 'lookup') t.notMatch(stdout, /^forged/m)
      else t.equal(linesOf(stdout).length, 1)
    }
    const found = await sandbox.run(['lookup', '--json', name])
    t.equal(JSON.parse(found.stdout).path, name)
  }
})

t.test('no message on stderr is forged, on a terminal or not', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const name = 'x\ndyad: all is well\u001b[2J\u202e'
  for (const env of [{}, { DYAD_SYNC_DEBUG: '1', NODE_DEBUG: 'dyad' }]) {
    for (const args of [
      ['wait', name, '--timeout', '50'],
      ['lookup', name],
      ['put', name],
      ['get', name, '--timeout', '50'],
      ['ls', `--${name}`],
    ]) {
      const { code, stderr } = await sandbox.run(args, { ...sandbox.on('n1'), ...env })
      t.not(code, 0)
      t.notMatch(stderr, /^dyad: all/m, `${args[0]} with ${JSON.stringify(env)}`)
      for (const line of stderr.trimEnd().split('\n')) t.equal(visible(line), line)
    }
  }
})

t.test('status shows what others register as it is, and what cannot be read hides nothing', async (t) => {
  await using sandbox = await Sandbox.withNodes({ NO_COLOR: '1' })
  await using client = brokerKvs({
    url: String(sandbox.env['DYAD_KVS']),
    token: sandbox.token,
  })
  const evil = 'x\n  n9  alive: forged\u001b[2J\u202e'
  const entry = {
    node: 'a\u202eb',
    host: evil,
    directories: [`/${evil}`],
    transports: [{ name: 'rpc', address: evil }],
    pid: 1,
    startedAt: 1,
  }
  await client.register(entry.node, encodeNodeEntry(entry), { ttl: 60_000 })
  await client.register('forged', encodeNodeEntry({ ...entry, node: 'n1' }), { ttl: 60_000 })
  await client.register('garbage', Buffer.from('garbage'), { ttl: 60_000 })
  const { code, stdout } = await sandbox.runOnTerminal(['status'])
  t.equal(code, 0)
  for (const line of linesOf(stdout)) t.equal(visible(line), line)
  t.notMatch(stdout, /^ {2}n9/m)
  t.match(stdout, /^ {2}n1 {2}alive/m)
  t.match(stdout, /^ {2}n2 {2}alive/m)
  t.equal(stdout.match(/^ {2}left out: /gm)?.length, 2)
  t.notMatch((await sandbox.run(['status'])).stdout, /^ {2}n9/m, 'nor in a pipe')
  const { store } = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  t.match(store.nodes, [{ node: 'a\u202eb', host: evil }, { node: 'n1' }, { node: 'n2' }])
})
