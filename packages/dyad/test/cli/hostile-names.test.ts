import { readdir, writeFile } from 'node:fs/promises'
import { visible } from '@dyad-ts/core/internal'
import t, { type Test } from 'tap'
import { endOf } from '../../../../test/harness/child.js'
import { firstLine, type Outcome, Sandbox } from './command.js'

/** A name with everything that affects a terminal, and that a shell can pass on. */
const NAME = 'a\nforged\u001b[2J\u001b[31mred\u202egnp.exe\u009b31m\u2028separator\ttab\rend'

/** Splits the output of a terminal without colours into lines. */
const linesOf = (stdout: string) => stdout.trimEnd().split('\r\n')

/** Asserts that a terminal receives no raw control character, and shows the text. */
function assertShown(t: Test, { code, stdout }: Outcome, text: string, label: string): void {
  t.equal(code, 0, `${label} succeeds`)
  t.ok(stdout.includes(visible(text)), `${label} shows it`)
  for (const line of linesOf(stdout)) t.equal(visible(line), line, label)
}

/** Returns a text as a pipe receives it: exact, except for line ends. */
const piped = (text: string) => text.replaceAll('\n', '\\n').replaceAll('\r', '\\r')

t.test('no command that moves or removes a file forges a line, and its --json is exact', async (t) => {
  await using sandbox = await Sandbox.withNodes({ NO_COLOR: '1' })
  const source = sandbox.at(`n1/${NAME}`)
  await writeFile(source, 'x')
  const [n1, n2] = [sandbox.on('n1'), sandbox.on('n2')]
  const commands: readonly (readonly [string, readonly string[], NodeJS.ProcessEnv])[] = [
    ['put', ['put', source], n1],
    ['wait', ['wait', NAME], n2],
    ['get', ['get', NAME], n2],
  ]
  for (const [label, args, env] of commands) {
    assertShown(t, await sandbox.runOnTerminal(args, env), NAME, label)
    const { stdout } = await sandbox.run(args, env)
    t.ok(stdout.endsWith(`${piped(NAME)}\n`) && stdout.split('\n').length === 2, `${label} prints one line`)
    const json = JSON.parse((await sandbox.run([...args, '--json'], env)).stdout)
    t.equal(json.path, NAME, `${label} --json`)
    if (label === 'get') t.equal(json.local, sandbox.at(`n2/${NAME}`))
  }
  const found = await sandbox.run(['lookup', NAME])
  t.equal(found.stdout.split('\n')[0], `path        ${piped(NAME)}`)
  t.equal(found.stdout.trimEnd().split('\n').length, 8, 'lookup prints a line for each member')

  for (const [label, args] of Object.entries({ watch: ['watch'], 'watch --json': ['watch', '--json'] })) {
    const watching = sandbox.spawn(args)
    await firstLine(watching)
    watching.child.kill('SIGTERM')
    // Newer versions of readline treat U+2028 as the end of a line.
    const [line = ''] = (await watching.ended).stdout.split('\n')
    t.equal(label === 'watch' ? line : JSON.parse(line).path, label === 'watch' ? piped(NAME) : NAME, label)
  }
  const terminal = sandbox.spawnOnTerminal(['watch'])
  const shown = await firstLine(terminal)
  terminal.child.kill('SIGKILL')
  t.equal(shown.trimEnd(), visible(NAME), 'watch on a terminal')

  for (const way of ['terminal', 'pipe', 'json'] as const) {
    if (way !== 'terminal') await sandbox.run(['put', source], n1)
    const missing = `missing-${NAME}`
    const args = ['rm', NAME, missing]
    const removed =
      way === 'terminal'
        ? await sandbox.runOnTerminal(args)
        : await sandbox.run(way === 'json' ? [...args, '--json'] : args)
    t.equal(removed.code, 3)
    if (way === 'json') t.strictSame(JSON.parse(removed.stdout), [NAME])
    else if (way === 'pipe') t.equal(removed.stdout, `${piped(NAME)}\n`)
    else for (const line of linesOf(removed.stdout)) t.equal(visible(line), line, 'rm')
    if (way === 'terminal') t.ok(linesOf(removed.stdout).includes(visible(NAME)), 'rm shows what it removed')
    else t.equal(visible(removed.stderr.trimEnd()), removed.stderr.trimEnd(), 'what is missing is one line')
  }
})

t.test('no command that runs or stops something forges a line, and its --json is exact', async (t) => {
  await using sandbox = await Sandbox.make()
  sandbox.env['NO_COLOR'] = '1'
  const node = 'n\u202egnp'
  const directory = sandbox.at(NAME)
  const started = await sandbox.run(['start', '-d', '--json', '--broker', '--node', node, directory])
  t.equal(started.code, 0, started.stderr)
  const { kvs, ...status } = JSON.parse(started.stdout)
  t.match(status, { node, directories: [directory] })
  sandbox.env['DYAD_KVS'] = kvs
  const restart = ['start', '-d', '--node', 'other\u202e', directory]
  assertShown(t, await sandbox.runOnTerminal(restart), NAME, 'start')
  t.same(await sandbox.run(['stop', '--node', 'other\u202e', '--json']), {
    code: 0,
    stdout: `${JSON.stringify({ ended: ['other\u202e'], failures: [] }).replace('\u202e', '\\u202e')}\n`,
    stderr: '',
  })
  const again = (await sandbox.run(restart)).stdout
  t.equal(again.split('\n').length, 2, 'start prints one line')
  t.ok(again.includes(piped(directory)))

  assertShown(t, await sandbox.runOnTerminal(['status']), NAME, 'status')
  const { services, store } = JSON.parse((await sandbox.run(['status', '--json'])).stdout)
  t.ok(
    services.some((service: { node: string }) => service.node === node),
    'status --json',
  )
  t.ok(store.nodes.every(({ directories: [served] }: { directories: string[] }) => served === directory))
  const strange = await sandbox.run(['start', '-d', '--node', 'x', '--kvs', `ws://127.0.0.1:1/${NAME}`])
  t.notMatch(strange.stderr, /^forged/m)
  for (const line of strange.stderr.trimEnd().split('\n')) t.equal(visible(line), line)
  const none = await sandbox.run(['stop', '--node', `none-${node}`])
  t.match(none, { code: 3, stderr: visible(`'none-${node}'`) })
  assertShown(t, await sandbox.runOnTerminal(['stop', '--all']), node, 'stop')
})

t.test('no command that tells of records, options or the token forges a line, and its --json is exact', async (t) => {
  await using sandbox = await Sandbox.make()
  sandbox.env['NO_COLOR'] = '1'
  const data = sandbox.at(`data-${NAME}`)
  const config = sandbox.at(`config-${NAME}`)
  sandbox.env['XDG_CONFIG_HOME'] = config
  const token = `${config}/dyad/token`
  assertShown(t, await sandbox.runOnTerminal(['token']), token, 'token')
  t.equal((await sandbox.run(['token'])).stdout, `${piped(token)}\n`)
  t.equal(JSON.parse((await sandbox.run(['token', '--json'])).stdout).path, token)

  const env = { DYAD_PATH_PRODUCER: data }
  assertShown(t, await sandbox.runOnTerminal(['env'], env), data, 'env')
  const table = (await sandbox.run(['env'], env)).stdout
  t.match(
    table
      .split('\n')
      .find((line) => line.startsWith('DYAD_PATH_PRODUCER'))
      ?.endsWith(piped(data)),
    true,
  )
  const options = JSON.parse((await sandbox.run(['env', '--json'], env)).stdout) as { option: string; value: string }[]
  t.equal(options.find(({ option }) => option === 'producerPath')?.value, data)
  t.ok((await sandbox.run(['env', '--export'], env)).stdout.includes(`DYAD_PATH_PRODUCER='${data}'\n`), 'for a shell')
  const wrong = await sandbox.runOnTerminal(['env'], { DYAD_NODE: NAME, DYAD_KVS: NAME })
  t.equal(wrong.code, 2)
  for (const line of linesOf(wrong.stdout)) t.equal(visible(line), line, 'env of wrong values')

  const args = ['broker', '--data', data]
  const store = sandbox.spawn([...args, '--json'])
  sandbox.env['DYAD_KVS'] = JSON.parse(await firstLine(store)).kvs
  store.child.kill('SIGTERM')
  await endOf(store.child)
  const tear = async () => {
    const logs = (await readdir(data)).filter((name) => /^log\.\d+$/.test(name)).sort()
    await writeFile(`${data}/${logs.at(-1)}`, 'torn', { flag: 'a' })
  }
  await tear()
  const repaired = ['broker', 'repair', data]
  assertShown(t, await sandbox.runOnTerminal(repaired), data, 'broker repair')
  await tear()
  const { formerFiles } = JSON.parse((await sandbox.run([...repaired, '--json'])).stdout)
  t.ok(String(formerFiles).startsWith(`${data}/`), 'broker repair --json')
  await tear()
  const noticed = await sandbox.runOnTerminal([...args, '-d'])
  assertShown(t, noticed, data, 'broker')
})
