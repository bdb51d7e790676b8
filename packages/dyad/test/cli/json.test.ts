import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Command } from 'commander'
import t from 'tap'
import { program } from '../../src/cli/program.js'
import { Sandbox } from './command.js'

const schema = JSON.parse(readFileSync(new URL('../../../../docs/json.schema.json', import.meta.url), 'utf8'))

/** The definitions of the schema that each command prints. */
const DEFINITIONS: Readonly<Record<string, readonly string[]>> = {
  start: ['start'],
  broker: ['broker'],
  'broker repair': ['brokerRepair'],
  stop: ['stop'],
  status: ['status'],
  doctor: ['doctor'],
  'namespace create': ['namespaceChange'],
  'namespace list': ['namespaceList'],
  'namespace remove': ['namespaceChange'],
  put: ['put', 'putMany'],
  get: ['get', 'getMany'],
  wait: ['wait'],
  watch: ['watch'],
  ls: ['ls'],
  lookup: ['lookup'],
  rm: ['rm'],
  env: ['env'],
  token: ['token'],
}

/** The names of a command and of those below it, of those that have --json. */
function namesOf(command: Command, above = ''): string[] {
  return command.commands.flatMap((each) => {
    const name = `${above}${each.name()}`
    const hasJson = each.options.some(({ long }) => long === '--json')
    return [...(hasJson ? [name] : []), ...namesOf(each, `${name} `)]
  })
}

t.test('every command with --json has its shape in the schema', async (t) => {
  const names = namesOf(program(new AbortController().signal))
  t.same(names.sort(), Object.keys(DEFINITIONS).sort())
  for (const name of Object.values(DEFINITIONS).flat()) t.ok(name in schema.$defs, name)
})

t.test('what every command prints with --json fits the schema', async (t) => {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true })
  ajv.addSchema(schema, 'json')
  const tried = new Set<string>()
  await using sandbox = await Sandbox.withNodes()
  const [n1, n2] = [sandbox.on('n1'), sandbox.on('n2')]

  /** Runs a command, checks what it prints against a definition, and returns it. */
  const check = async (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { stdout, stderr } = await sandbox.run([...args, '--json'], env)
    t.equal(stdout.indexOf('\n'), stdout.length - 1, `dyad ${args.join(' ')} --json prints one line: ${stderr}`)
    const value = JSON.parse(stdout)
    const validate = ajv.getSchema(`json#/$defs/${name}`)
    t.ok(validate?.(value), `${name}: ${ajv.errorsText(validate?.errors)} ${stdout}`)
    tried.add(name)
    return value
  }

  writeFileSync(sandbox.at('small'), 'hush')
  mkdirSync(sandbox.at('run'))
  writeFileSync(sandbox.at('run/1'), '1')
  symlinkSync('1', sandbox.at('run/link'))
  await check('put', ['put', 'small'], n1)
  const put = await check('putMany', ['put', '-r', 'run', 'missing', 'small'], n1)
  t.match(put, {
    files: [{ status: 'published' }, { status: 'present' }],
    failures: [{ file: 'missing', code: 'ENOENT' }],
    leftOut: [{ file: 'run/link' }],
  })
  await check('get', ['get', 'small'], n2)
  const got = await check('getMany', ['get', 'small', 'run/1', '../x', '--to', 'out'], n2)
  t.match(got, { files: [{ path: 'run/1' }, { path: 'small' }], failures: [{ file: '../x' }] })
  await check('wait', ['wait', 'small'])
  await check('watch', ['watch', '--count', '1'])
  const listed = await check('ls', ['ls'])
  t.notMatch(JSON.stringify(listed), 'inline', 'no command prints the contents of files')
  await check('lookup', ['lookup', 'small'])
  await check('rm', ['rm', 'small', 'missing'])
  await check('namespaceList', ['namespace', 'list'])
  await check('namespaceChange', ['namespace', 'create', 'other'])
  await check('namespaceChange', ['namespace', 'remove', 'other'])
  await check('start', ['start', '-d', '--node', 'n3', sandbox.at('n3')])
  const other = { DYAD_KVS: 'ws://127.0.0.1:0' }
  const { kvs } = await check('broker', ['broker', '-d', '--data', sandbox.at('data')], other)
  const status = await check('status', ['status'])
  t.match(status, { services: [{}, {}, {}], brokers: [{ kvs }], store: { nodes: [{}, {}, {}] } })
  t.match(await check('status', ['status', '--kvs', 'ws://127.0.0.1:1', '--timeout', '50']), { store: { failure: {} } })
  await check('stop', ['stop', '--node', 'n3'])
  await check('stop', ['stop', '--broker', '--kvs', kvs])
  await check('brokerRepair', ['broker', 'repair', sandbox.at('data')])
  await check('doctor', ['doctor'])
  await check('token', ['token'])
  await check('token', ['token'], { DYAD_TOKEN: '0123456789abcdef' })
  await check('env', ['env'])
  await check('env', ['env', '--node', 'n9'], { DYAD_KEY_DEPTH: 'deep' })
  t.same([...tried].sort(), [...new Set(Object.values(DEFINITIONS).flat())].sort(), 'each was tried')
})
