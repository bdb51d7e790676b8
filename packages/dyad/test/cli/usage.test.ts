import t from 'tap'
import { Sandbox } from './command.js'

const COMMANDS = ['start', 'stop', 'status', 'doctor', 'put', 'get', 'wait', 'watch', 'ls', 'lookup', 'env']
const NAMESPACES = ['create', 'list', 'remove'].map((verb) => ['namespace', verb])

t.test('every command has help with examples', async (t) => {
  await using sandbox = await Sandbox.make()
  for (const command of [...COMMANDS.map((name) => [name]), ['namespace'], ...NAMESPACES]) {
    const { code, stdout } = await sandbox.run([...command, '--help'])
    t.equal(code, 0, `${command.join(' ')} --help exits with 0`)
    t.match(
      stdout,
      new RegExp(`Examples:\n {2}\\$ dyad ${command[0]}`.replace('dyad put', '(dyad put|tar)')),
      'examples',
    )
    if (command[0] !== 'namespace' || command.length > 1) t.match(stdout, '--json', 'JSON is offered')
  }
  t.equal((await sandbox.run(['--version'])).stdout.trim(), '0.1.0')
})

t.test('wrong usage exits with 2 and says what is wrong', async (t) => {
  await using sandbox = await Sandbox.make()
  for (const [args, said] of [
    [[], /Usage: dyad/],
    [['bogus'], /unknown command 'bogus'/],
    [['put'], /missing required argument 'file'/],
    [['ls', '--bogus'], /unknown option '--bogus'/],
    [['doctor', 'mlx5_0'], /too many arguments/],
    [['wait', 'x', '--timeout', 'soon'], /'soon' is invalid. no duration such as 250ms, 30s/],
    [['get', 'x', '--dtl-mode', 'rp'], /'rp' is none of/],
    [['put', '-', '--producer', '/tmp'], /has no name/],
    [['put', 'x'], /--producer, or set DYAD_PATH_PRODUCER/],
    [['get', 'x'], /--consumer, or set DYAD_PATH_CONSUMER/],
    [['get', 'x', '-', '--json', '--consumer', '/tmp'], /both want the standard output/],
    [['ls', '--token-file', '/does/not/exist'], /ERR_DYAD_OPTION/],
  ] as const) {
    const { code, stdout, stderr } = await sandbox.run(args)
    t.equal(code, 2, `dyad ${args.join(' ')}`)
    t.match(stderr, said)
    t.equal(stdout, '')
  }
  const { code, stderr } = await sandbox.run(['ls'], { DYAD_DTL_MODE: 'FLUX' })
  t.equal(code, 2, 'a variable that cannot be used')
  t.match(stderr, /^dyad: ERR_DYAD_DTL_MODE: [^\n]*\n$/, 'in one line')
})

t.test('env tells every option, and where it comes from', async (t) => {
  await using sandbox = await Sandbox.make()
  const secret = { DYAD_TOKEN: 'hush', DYAD_SHARED_STORAGE: '0' }
  const { stdout } = await sandbox.run(['env', '--json', '--node', "it's n1"], secret)
  const rows = new Map(
    (JSON.parse(stdout) as { option: string; value: unknown; origin: string }[]).map(({ option, value, origin }) => [
      option,
      { value, origin },
    ]),
  )
  t.same(rows.get('node'), { value: "it's n1", origin: 'program' })
  t.same(rows.get('namespace'), { value: 'test', origin: 'environment' })
  t.same(rows.get('sharedStorage'), { value: false, origin: 'environment' })
  t.same(rows.get('keyDepth'), { value: 3, origin: 'default' })
  const exported = await sandbox.run(['env', '--export', '--node', "it's n1"], secret)
  t.match(exported.stdout, "export DYAD_NODE='it'\\''s n1'\n")
  t.match(exported.stdout, 'export DYAD_SHARED_STORAGE=0\n')
  const plain = await sandbox.run(['env'], secret)
  for (const shown of [stdout, exported.stdout, plain.stdout]) t.notMatch(shown, 'hush', 'the token is not shown')
  const wrong = await sandbox.run(['env', '--json'], { DYAD_KEY_DEPTH: 'deep' })
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /DYAD_KEY_DEPTH/)
  t.equal(JSON.parse(wrong.stdout).length, rows.size, 'the others are shown all the same')
})
