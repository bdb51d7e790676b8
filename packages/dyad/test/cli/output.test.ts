import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { COMMAND, type Outcome, Sandbox } from './command.js'

/** Runs a command under a shell that redirects it; `$0` and what follows are the command. */
const redirected = (
  sandbox: Sandbox,
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> => sandbox.spawn(args, env, ['sh', '-c', script, process.execPath, COMMAND]).ended

t.test('output that a full device does not take is an error of every command', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  writeFileSync(sandbox.at('file'), 'x')
  t.equal((await sandbox.run(['put', sandbox.at('file'), 'big'], sandbox.on('n1'))).code, 0)
  for (const args of [
    ['--help'],
    ['--version'],
    ['ls'],
    ['ls', '--json'],
    ['lookup', 'big'],
    ['lookup', 'big', '--json'],
    ['wait', 'big'],
    ['put', sandbox.at('file')],
    ['get', 'big'],
    ['get', 'big', '-'],
    ['status'],
    ['status', '--json'],
    ['env'],
    ['env', '--export'],
    ['namespace', 'list'],
    ['namespace', 'create', 'new', '--json'],
    ['token', '--json'],
    ['doctor', '--json'],
    ['watch'],
    ['start', '--node', 'n3'],
    ['start', '-d', '--node', 'n4', '--json'],
    ['rm', 'big'],
    ['stop', '--json', '--node', 'n2'],
  ]) {
    const { code, stderr } = await redirected(sandbox, '"$0" "$@" > /dev/full', args, sandbox.on('n2'))
    t.equal(code, 8, args.join(' '))
    t.match(stderr, /^dyad: the output cannot be written: ENOSPC/, args.join(' '))
    t.equal(stderr.trimEnd().split('\n').length, 1, 'in one line')
  }
  const { code, stdout } = await redirected(sandbox, '"$0" "$@" 2> /dev/full', ['wait', 'never', '--timeout', '3s'])
  t.equal(code, 4, 'what cannot be said does not end a command in another way')
  t.equal(stdout, '')
})

t.test('output that is cut short is an error', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  // A limit on the length of files, in blocks of 512 bytes, cuts a write short, as a disk does that
  // becomes full. Without a listener its signal would kill the process.
  const listening = { NODE_OPTIONS: "--import=data:text/javascript,process.on('SIGXFSZ',()=>{})" }
  writeFileSync(sandbox.at('file'), '')
  truncateSync(sandbox.at('file'), 1_000)
  t.equal((await sandbox.run(['put', sandbox.at('file'), 'big'], sandbox.on('n1'))).code, 0)
  const limited = (args: readonly string[]) =>
    redirected(sandbox, `ulimit -f 1; "$0" "$@" > '${sandbox.at('out')}'`, args, { ...sandbox.on('n1'), ...listening })
  for (const args of [['get', 'big', '-'], ['env', '--json'], ['--help']]) {
    const { code, stderr } = await limited(args)
    t.equal(code, 1, args.join(' '))
    t.match(stderr, /EFBIG/, args.join(' '))
    t.ok(readFileSync(sandbox.at('out')).length > 0, 'part of it was written')
  }
  // On a slow disk the failure comes after everything has been read.
  const late = `import fs from 'node:fs';const w=fs.write;fs.write=(...a)=>setTimeout(()=>w(...a),300)`
  listening.NODE_OPTIONS += ` --import=data:text/javascript,${encodeURIComponent(late)}`
  const cut = await limited(['get', 'big', '-'])
  t.equal(cut.code, 1, 'a late failure')
  t.match(cut.stderr, /^dyad: the output cannot be written: EFBIG/, 'is told as any')
  t.equal(
    (await redirected(sandbox, `"$0" "$@" > '${sandbox.at('out')}'`, ['get', 'big', '-'], sandbox.on('n1'))).code,
    0,
  )
  t.equal((await readFile(sandbox.at('out'))).length, 1_000, 'without a limit all of it is there')
})

t.test('a reader that has gone ends a command quietly', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const args of [['--help'], ['ls'], ['env', '--json'], ['status']]) {
    // The reader is gone before the command begins.
    const { code, stderr } = await redirected(sandbox, '{ sleep 1; "$0" "$@"; echo $? >&2; } | true', args)
    t.equal(code, 0)
    t.equal(stderr, '0\n', args.join(' '))
  }
})

t.test('output into a connection that breaks is an error', async (t) => {
  await using sandbox = await Sandbox.make()
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  for (const args of [['--version'], ['env'], ['env', '--json']]) {
    const output = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [[reader]] = (await Promise.all([once(server, 'connection'), once(output, 'connect')])) as [[Socket], unknown]
    // The command begins once the connection is broken.
    const script = 'read -r _; exec "$0" "$@"'
    const child = spawn('sh', ['-c', script, process.execPath, COMMAND, ...args], {
      env: sandbox.env,
      stdio: ['pipe', output, 'pipe'],
    })
    output.destroy()
    reader.resetAndDestroy()
    await once(reader, 'close')
    child.stdin?.end('\n')
    const [stderr, [code]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'close')])
    t.equal(code, 1, args.join(' '))
    t.match(stderr, /^dyad: the output cannot be written: [^\n]*ECONNRESET[^\n]*\n$/, args.join(' '))
  }
})
