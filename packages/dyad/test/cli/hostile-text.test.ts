import { execFile } from 'node:child_process'
import { encodeNodeEntry, visible } from '@dyad-ts/core/internal'
import { brokerKvs } from '@dyad-ts/kvs-client'
import t from 'tap'
import { Sandbox, says } from './command.js'

/** Names of files that other users may choose. */
const EVIL = [
  'a\nforged',
  '\u001b[2J\u001b[31mred',
  '\u202egnp.exe',
  'c1\u009b31m',
  'line\u2028separator',
  'tab\tend\r',
]
const GOOD = 'schön/日本語-🎉'

/** Registers a node from a process that is killed at once, so that it gives no sign of life. */
function registerAndDie(node: string, entry: Uint8Array, { env, token }: Sandbox): Promise<void> {
  const program = `
    import { brokerKvs } from ${JSON.stringify(import.meta.resolve('@dyad-ts/kvs-client'))}
    const client = brokerKvs(${JSON.stringify({ url: env['DYAD_KVS'], token })})
    const entry = Buffer.from('${Buffer.from(entry).toString('hex')}', 'hex')
    await client.register(${JSON.stringify(node)}, entry, { ttl: 30_000 })
    process.kill(process.pid, 'SIGKILL')`
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '--eval', program], (error) => {
      if (error?.signal === 'SIGKILL') resolve()
      else reject(error ?? new Error('it was not killed'))
    })
  })
}

/** Splits the output of a terminal without colours into lines. */
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

t.test('a start that waits says of the holder of its node what does nothing to a terminal', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const host = 'x\ndyad: all is well\u001b[2J\u202e'
  const entry = { node: 'n3', host, directories: [], transports: [], pid: 1, startedAt: 1 }
  await registerAndDie('n3', encodeNodeEntry(entry), sandbox)
  const starting = sandbox.spawn(['start', '-d', '--node', 'n3', sandbox.at('n3')])
  await says(starting, /sign of life/)
  starting.child.kill('SIGTERM')
  const { code, stderr } = await starting.ended
  t.equal(code, 143, stderr)
  t.match(stderr, /^dyad: the node is taken: .*, and gives no sign of life/)
  for (const line of stderr.trimEnd().split('\n')) t.equal(visible(line), line)
  t.notMatch(stderr, /^dyad: all/m)
})
