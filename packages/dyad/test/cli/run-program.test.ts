import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'tap'
import { COMMAND, type Outcome, Sandbox } from './command.js'

const COMMAND_WITH_LIBRARY = [
  process.execPath,
  // Node 26 deprecates these hooks, and Node 20 lacks the newer ones.
  '--disable-warning=DEP0205',
  '--import',
  new URL('./with-library.mjs', import.meta.url).href,
  COMMAND,
]
/** A library without effect: this process has loaded it already. */
const LIBRARY = /\/\S+\/libm\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0] ?? ''

/** Runs the command with a library that it finds, and returns its output. */
function dyad(sandbox: Sandbox, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const running = sandbox.spawn(args, { TEST_LIBRARY: LIBRARY, ...env }, COMMAND_WITH_LIBRARY)
  running.child.stdin?.end()
  return running.ended
}

/** Returns the environment that a program of `dyad run` prints. */
function variablesIn({ stdout }: Outcome): Record<string, string> {
  return Object.fromEntries(
    stdout.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  )
}

test('without the library run says what to do, and does not start the program', async (t) => {
  await using sandbox = await Sandbox.make()
  const args = ['run', '--producer', sandbox.at('p'), '--', 'touch', sandbox.at('started')]
  const outcome = await dyad(sandbox, args, { TEST_LIBRARY: '' })
  t.match(outcome, { code: 1, stdout: '', stderr: /^dyad: the library .*npm run build:native.*\n$/ })
  t.notOk(existsSync(sandbox.at('started')))
  t.match(await dyad(sandbox, ['env', '--preload'], { TEST_LIBRARY: '' }), {
    code: 1,
    stdout: '',
    stderr: /build:native/,
  })
  const spaced = await dyad(sandbox, args, { TEST_LIBRARY: '/a b/lib.so' })
  t.match(spaced, { code: 1, stderr: /LD_PRELOAD takes no path with a space/ })
})

test('run refuses what cannot work before it starts anything', async (t) => {
  await using sandbox = await Sandbox.make()
  t.match(await dyad(sandbox, ['run', '--', 'true']), { code: 2, stderr: /no directory is managed: give --producer/ })
  const unnamed = await dyad(sandbox, ['run', '--producer', 'p', '--', 'true'], { DYAD_KVS_NAMESPACE: '' })
  t.match(unnamed, { code: 2, stderr: /no namespace: give --namespace/ })
  t.match(await dyad(sandbox, ['run', '--producer', 'p']), { code: 2, stderr: /missing required argument 'command'/ })
  const run = (...command: string[]) => dyad(sandbox, ['run', '--producer', 'p', '--', ...command])
  t.match(await run('there-is-no-such-command'), {
    code: 127,
    stderr: 'dyad: there-is-no-such-command: command not found\n',
  })
  t.match(await run(''), { code: 127, stderr: "dyad: '': command not found\n" })
  const forgotten = await dyad(sandbox, ['run', '--producer', '--', 'true'])
  t.match(forgotten, { code: 2, stderr: /option '--producer <directory>' argument '--' is invalid\. no path is given/ })
  writeFileSync(sandbox.at('plain'), '')
  t.match(await run('./plain'), { code: 126, stderr: 'dyad: ./plain: permission denied\n' })
  writeFileSync(sandbox.at('script'), '#!/there/is/none\n', { mode: 0o755 })
  t.match(await run('./script'), { code: 127, stderr: 'dyad: ./script: its interpreter is missing\n' })
})

test('a program gets the library, its options with absolute paths, and its own words', async (t) => {
  await using sandbox = await Sandbox.make()
  const outcome = await dyad(
    sandbox,
    ['run', '--namespace', 'named', '--producer', 'out', '--consumer=in', '--timeout', '5', 'env', '--', 'X=it self'],
    { LD_PRELOAD: '/there/is/none.so', DYAD_TLS_CA: 'ca.pem', DYAD_RUN: 'outer' },
  )
  t.equal(outcome.code, 0)
  const variables = variablesIn(outcome)
  t.match(variables, {
    LD_PRELOAD: `${LIBRARY}:/there/is/none.so`,
    DYAD_KVS_NAMESPACE: 'named',
    DYAD_PATH_PRODUCER: sandbox.at('out'),
    DYAD_PATH_CONSUMER: sandbox.at('in'),
    DYAD_TIMEOUT: '5',
    DYAD_TLS_CA: sandbox.at('ca.pem'),
    DYAD_RUN: 'outer',
    X: 'it self',
  })
  t.ok(existsSync(sandbox.at('out')) && existsSync(sandbox.at('in')), 'the directories are made')
  const again = await dyad(sandbox, ['run', '--producer', 'out', 'env'], { LD_PRELOAD: variables['LD_PRELOAD'] })
  t.equal(variablesIn(again)['LD_PRELOAD'], variables['LD_PRELOAD'], 'once')
})

test('a flag for the token goes before what the environment says of it', async (t) => {
  await using sandbox = await Sandbox.make()
  writeFileSync(sandbox.at('token'), 'a token of this file alone', { mode: 0o600 })
  const args = ['run', '--producer', 'p', '--token-file', 'token', 'env']
  const variables = variablesIn(await dyad(sandbox, args, { DYAD_TOKEN: 'that of the environment' }))
  t.equal(variables['DYAD_TOKEN_FILE'], sandbox.at('token'))
  t.notOk('DYAD_TOKEN' in variables)
  t.equal(
    variablesIn(await dyad(sandbox, ['run', '--producer', 'p', 'env'], { DYAD_TOKEN: 'x'.repeat(20) }))['DYAD_TOKEN'],
    'x'.repeat(20),
  )
})

test('a program has an agent of its own where no service runs, as long as it runs', async (t) => {
  await using sandbox = await Sandbox.make()
  const ask = `require('node:net').connect(process.env.DYAD_AGENT).on('connect', () => { console.log(process.env.DYAD_AGENT); process.exit() })`
  mkdirSync(sandbox.at('state/agents'), { recursive: true, mode: 0o700 })
  // The first is left by a killed run. The second has the same form but listens, like one of
  // another container.
  const dead = spawnSync('true').pid
  const abandoned = createServer().listen(sandbox.at(`state/agents/run-${dead}-00000000.sock`))
  writeFileSync(sandbox.at(`state/agents/run-${dead}-11111111.sock`), '')
  try {
    const outcomes = await Promise.all(
      [1, 2].map(() => dyad(sandbox, ['run', '--producer', 'p', '--', process.execPath, '-e', ask])),
    )
    for (const { code, stdout, stderr } of outcomes) {
      t.equal(code, 0, stderr)
      t.match(stdout, /\/state\/agents\/run-\d+-[0-9a-f]{8}\.sock\n$/)
    }
    t.not(outcomes[0]?.stdout, outcomes[1]?.stdout)
    t.same(readdirSync(sandbox.at('state/agents')), [`run-${dead}-00000000.sock`])
  } finally {
    abandoned.close()
  }
})

test('a program asks the agent of its node, and one inside another run that of the run', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const variables = variablesIn(await dyad(sandbox, ['run', '--node', 'n2', '--consumer', sandbox.at('n2'), 'env']))
  t.notOk('DYAD_AGENT' in variables, 'it finds that by its node')
  t.equal(variables['DYAD_NODE'], 'n2')
  const words = ['run', '--node', 'n3', '--consumer', sandbox.at('n3'), '--']
  const inner = [...COMMAND_WITH_LIBRARY, ...words, 'sh', '-c', 'echo inner $DYAD_AGENT']
  const both = await dyad(sandbox, [...words, 'sh', '-c', 'echo outer $DYAD_AGENT; "$@"', 'sh', ...inner])
  t.match(both.stdout, /^outer (\S+)\ninner \1\n$/, both.stderr)
})

test('run warns of a program that the library cannot reach, and runs it', async (t) => {
  await using sandbox = await Sandbox.make()
  const bytes = readFileSync('/bin/true')
  bytes.write('.note.go.buildid\0\0', bytes.indexOf('.note.gnu.build-id\0'))
  writeFileSync(sandbox.at('go'), bytes, { mode: 0o755 })
  writeFileSync(sandbox.at('script'), `#!${sandbox.at('go')}\n`, { mode: 0o755 })
  const { code, stderr } = await dyad(sandbox, ['run', '--producer', 'p', './script'])
  t.match(
    stderr,
    /^dyad: warning: \S+\/go is a Go program: it makes its system calls itself\. It takes no part; see docs\/unmodified\.md\n/,
  )
  t.equal(code, 0)
})

test('env --preload prints what a shell evaluates to export it', async (t) => {
  await using sandbox = await Sandbox.make()
  const odd = `it's "$(touch ${sandbox.at('evil')})" here`
  const { stdout, stderr, code } = await dyad(sandbox, ['env', '--preload', '--namespace', odd, '--producer', 'p q'], {
    LD_PRELOAD: '/there/is/none.so',
    DYAD_TOKEN: 'x'.repeat(20),
  })
  t.equal(code, 0)
  t.notMatch(stdout, 'xxxx')
  t.match(stderr, /^dyad: warning: no service of node '\S+' runs on this host: .*`dyad start --node \S+ …` does$/m)
  const shown = spawnSync(
    '/bin/sh',
    ['-c', `eval "$1"; printf '%s\\n' "$LD_PRELOAD" "$DYAD_KVS_NAMESPACE" "$DYAD_PATH_PRODUCER"`, 'sh', stdout],
    { encoding: 'utf8' },
  )
  t.equal(shown.stdout, `${LIBRARY}:/there/is/none.so\n${odd}\n${sandbox.at('p q')}\n`)
  t.notOk(existsSync(sandbox.at('evil')))
})
