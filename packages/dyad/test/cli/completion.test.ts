import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import t from 'tap'
import { installPackages } from '../../../../scripts/debian.mjs'
import { COMMAND, Sandbox } from './command.js'

/** The reason why a shell cannot be tried. Root installs it where it is missing. */
function without(shell: 'fish' | 'zsh'): string | false {
  if (spawnSync(shell, ['--version']).status === 0) return false
  if (process.getuid?.() !== 0) return `there is no ${shell}`
  installPackages([shell], console.error)
  return false
}

/** A sandbox in whose PATH `dyad` is this command. */
async function withCommand(sandbox: Sandbox): Promise<NodeJS.ProcessEnv> {
  await mkdir(sandbox.at('bin'))
  await writeFile(sandbox.at('bin/dyad'), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`)
  await chmod(sandbox.at('bin/dyad'), 0o755)
  return { PATH: `${sandbox.at('bin')}:${process.env['PATH']}`, HOME: sandbox.directory, TERM: 'dumb' }
}

t.test('what is typed becomes commands, flags, values and names', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const hostile = 'n3;touch x'
  const third = await sandbox.run(['start', '-d', '--node', hostile, sandbox.at('n3')])
  t.equal(third.code, 0, third.stderr)
  for (const [typed, found] of [
    [['sta'], ['start', 'status']],
    [['namespace', 're'], ['remove']],
    [['help', 'wat'], ['watch']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['start', '--log'], ['--log-level']],
    [['put', '--prod'], ['--producer']],
    [
      ['start', '--log-level', ''],
      ['debug', 'error', 'info', 'warn'],
    ],
    [['start', '--log-level', '=', 'd'], ['debug']],
    [['start', '--log-level=d'], ['--log-level=debug']],
    [
      ['get', '--dtl-mode', 'r'],
      ['rdma', 'rpc'],
    ],
    [['ls', '--namespace', 't'], ['test']],
    [['namespace', 'remove', ''], ['test']],
    [
      ['stop', '--node', ''],
      ['n1', 'n2'],
    ],
    [['run', '--namespace', 'test', '--', 'cat', ''], []],
    [['bogus', ''], []],
    [['put', ''], []],
  ] as const) {
    const { code, stdout, stderr } = await sandbox.run(['__complete', '--', ...typed])
    const lines = stdout.split('\n').slice(0, -1)
    t.same({ code, lines, stderr }, { code: 0, lines: found, stderr: '' }, `dyad ${typed.join(' ')}`)
  }
})

t.test('a completion without a store or a token has no names, and makes no token', async (t) => {
  await using sandbox = await Sandbox.make()
  t.match(await sandbox.run(['__complete', '--', 'ls', '--namespace', '']), { code: 0, stdout: '' })
  t.notOk(existsSync(sandbox.at('config')), 'nothing is made')
})

t.test('bash completes on the Tab key', async (t) => {
  await using sandbox = await Sandbox.make()
  const env = await withCommand(sandbox)
  const shell = sandbox.spawn(['-qec', 'bash --norc --noprofile -i', '/dev/null'], env, ['script'])
  shell.child.stdin?.end('source <(dyad completion bash)\ndyad compl\tfis\t\nexit\n')
  const { stdout } = await shell.ended
  t.match(stdout, /function __dyad_complete/, 'what was completed has run')
})

t.test('zsh completes on the Tab key', { skip: without('zsh') }, async (t) => {
  await using sandbox = await Sandbox.make()
  const env = await withCommand(sandbox)
  const shell = sandbox.spawn(['-qec', 'zsh -f -i', '/dev/null'], env, ['script'])
  shell.child.stdin?.end('autoload -U compinit; compinit -u; source <(dyad completion zsh)\ndyad compl\tfis\t\nexit\n')
  const { stdout } = await shell.ended
  t.match(stdout, /function __dyad_complete/, 'what was completed has run')
})

t.test('fish completes', { skip: without('fish') }, async (t) => {
  await using sandbox = await Sandbox.make()
  const env = await withCommand(sandbox)
  const complete = async (typed: string) => {
    const script = `dyad completion fish | source; complete -C '${typed}'`
    return (await sandbox.spawn(['-c', script], env, ['fish']).ended).stdout.split('\n')
  }
  t.ok((await complete('dyad sta')).includes('status'))
  t.ok((await complete('dyad start --log')).includes('--log-level'))
  t.ok((await complete('dyad start --log-level ')).includes('debug'))
})
