import type { ErrorCode } from '@dyad-ts/core'
import { ERRORS } from '@dyad-ts/core/internal'
import t from 'tap'
import { EXIT_CODES, type ExitCodeRow } from '../../src/cli/exit-codes.js'
import { Sandbox } from './command.js'

t.test('scripts tell failures apart by the exit code', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const nowhere = { DYAD_KVS: 'ws://127.0.0.1:1', DYAD_KVS_TIMEOUT: '200' }
  for (const [args, env, code] of [
    [['ls', '--bogus'], {}, EXIT_CODES.usage],
    [['put', '/dev/null', '../outside'], {}, EXIT_CODES.usage],
    [['lookup', 'never'], {}, EXIT_CODES.notFound],
    [['put', 'missing', 'x'], {}, EXIT_CODES.notFound],
    [['ls', '--namespace', 'missing'], {}, EXIT_CODES.notFound],
    [['stop', '--node', 'n7'], {}, EXIT_CODES.notFound],
    [['wait', 'never', '--timeout', '3s'], {}, EXIT_CODES.timedOut],
    [['ls'], nowhere, EXIT_CODES.storeUnreachable],
    [['ls'], { DYAD_TOKEN: 'another token than that' }, EXIT_CODES.denied],
    [['start', '--node', 'n1', sandbox.at('n1')], {}, EXIT_CODES.taken],
    [['namespace', 'create', 'test'], {}, EXIT_CODES.taken],
  ] as const) {
    const ended = await sandbox.run(args, { ...sandbox.on('n1'), ...env })
    t.equal(ended.code, code.code, `dyad ${args.join(' ')}: ${ended.stderr}`)
  }
})

t.test('help lists every exit code, and help that was asked for is a success', async (t) => {
  await using sandbox = await Sandbox.make()
  const { stdout } = await sandbox.run(['help'])
  for (const { code, meaning } of Object.values(EXIT_CODES))
    t.match(stdout, `\n  ${String(code).padEnd(4)} ${meaning}\n`)
  for (const args of [['help'], ['--help'], ['help', 'start'], ['start', '--help'], ['namespace', 'help', 'list']]) {
    const { code, stdout, stderr } = await sandbox.run(args)
    t.match({ code, stdout, stderr }, { code: 0, stdout: /^Usage: dyad/, stderr: '' }, args.join(' '))
  }
  t.match(await sandbox.run(['help', 'namespace', 'create']), { code: 0, stdout: /^Usage: dyad namespace create / })
  t.match(await sandbox.run(['help', 'bogus']), { code: 2, stdout: '', stderr: /unknown command 'bogus'/ })
})

t.test('no code or error stands in two rows', (t) => {
  const rows: readonly ExitCodeRow[] = Object.values(EXIT_CODES)
  const names = rows.flatMap(({ errors, system = [] }) => [...errors, ...system])
  t.equal(new Set(names).size, names.length)
  t.equal(new Set(rows.map(({ code }) => code)).size, rows.length)
  const known = new Set<string>(Object.keys(ERRORS) satisfies string[] as ErrorCode[])
  for (const { errors } of rows) for (const code of errors) t.ok(known.has(code), code)
  t.end()
})
