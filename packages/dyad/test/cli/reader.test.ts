import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { unlessEnded } from '../../../../test/harness/child.js'
import { COMMAND, Sandbox } from './command.js'

/** Runs a shell script in which `dyad` is the command; resolves with what it prints. */
async function shell(t: Test, sandbox: Sandbox, script: string): Promise<string> {
  const words = ['-c', `dyad() { '${process.execPath}' '${COMMAND}' "$@"; }; ${script}`]
  const { code, stdout, stderr } = await sandbox.spawn(words, {}, ['sh']).ended
  t.same({ code, stderr }, { code: 0, stderr: '' }, script)
  return stdout
}

t.test('watch ends when the reader of its pipe is gone, although it has nothing more to print', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  t.equal((await sandbox.run(['put', '-', 'a'], sandbox.on('n1'), 'x')).code, 0)
  // The shell waits for both sides of the pipe.
  const first = await shell(t, sandbox, '{ { dyad watch --json; echo $? >&3; } | head -n 1; } 3>&1')
  t.match(first, /^\{"path":"a"[^\n]*\}\n0\n$/)
  const none = (reader: string) => `{ { dyad watch 'none*'; echo $? >&3; } | ${reader}; } 3>&1`
  t.equal(await shell(t, sandbox, none('true')), '0\n', 'gone before it begins, most likely')
  t.equal(await shell(t, sandbox, none('sleep 1')), '0\n', 'gone later')
  // So does a get that waits, of a file or of several.
  Object.assign(sandbox.env, sandbox.on('n2'))
  for (const args of ['never -', 'a never --to out']) {
    const script = `{ { dyad get ${args} 2> /dev/null; echo $? >&3; } | sleep 1; } 3>&1`
    t.equal(await shell(t, sandbox, script), '0\n', args)
  }
})

t.test('watch ends when the other end of its socket closes, and not when that only sends no more', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  // Node gives a child the end of a socket for a pipe.
  const watching = sandbox.spawn(['watch'])
  const left = once(watching.child, 'exit')
  watching.ended.catch(() => {})
  const printing = once(watching.child.stdout as NodeJS.ReadableStream, 'data')
  t.equal((await sandbox.run(['put', '-', 'a'], sandbox.on('n1'), 'x')).code, 0)
  await unlessEnded(watching.child, printing)
  watching.child.stdout?.destroy()
  t.same(await left, [0, null])

  const path = sandbox.at('socket')
  const server = createServer({ allowHalfOpen: true }).listen(path)
  t.teardown(() => server.close())
  await once(server, 'listening')
  // The output of the command is a socket, whose other end says that it sends nothing.
  const connection = once(server, 'connection')
  const script = `
    import { spawn } from 'node:child_process'
    import { connect } from 'node:net'
    const socket = connect({ path: process.argv[1], allowHalfOpen: true }, () => {
      const child = spawn(process.execPath, process.argv.slice(2), { stdio: ['ignore', socket, 'inherit'] })
      socket.destroy()
      child.on('exit', (code) => { process.exitCode = code })
    })`
  const command = ['--input-type=module', '--eval', script, path, COMMAND, 'watch', '--count', '2']
  const child = spawn(process.execPath, command, { env: sandbox.env, stdio: ['ignore', 'ignore', 'pipe'] })
  const exit = once(child, 'exit')
  const said = text(child.stderr)
  const [reader] = (await connection) as [Socket]
  reader.end()
  const begun = once(reader, 'data')
  const printed = text(reader)
  await unlessEnded(child, begun)
  t.equal((await sandbox.run(['put', '-', 'b'], sandbox.on('n1'), 'x')).code, 0)
  t.equal(await printed, 'a\nb\n')
  t.same(await exit, [0, null], await said)
})

t.test('watch --count ends after so many files', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const name of ['a', 'b', 'c']) t.equal((await sandbox.run(['put', '-', name], sandbox.on('n1'), 'x')).code, 0)
  t.same(await sandbox.run(['watch', '--count', '2']), { code: 0, stdout: 'a\nb\n', stderr: '' })
  t.same(await sandbox.run(['watch', '[bc]', '--count', '2']), { code: 0, stdout: 'b\nc\n', stderr: '' })
  const json = await sandbox.run(['watch', '--count', '1', '--json'])
  t.match(JSON.parse(json.stdout), { path: 'a' })
  for (const count of ['0', '1.5', '99999999999999999999']) {
    const { code, stdout, stderr } = await sandbox.run(['watch', '--count', count])
    t.same({ code, stdout }, { code: 2, stdout: '' }, count)
    t.match(stderr, /--count <number>.*no whole number from 1 on/)
  }
})

t.test('no command prints the contents of files as JSON', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const [n1, n2] = [sandbox.on('n1'), sandbox.on('n2')]
  // So small a file comes with its record.
  await writeFile(sandbox.at('small'), 'hush')
  for (const [args, env] of [
    [['put', sandbox.at('small'), '--json'], n1],
    [['lookup', 'small', '--json'], n1],
    [['wait', 'small', '--json'], n1],
    [['ls', '--json'], n1],
    [['watch', '--json', '--count', '1'], n1],
    [['get', 'small', '--json'], n2],
  ] as const) {
    const { code, stdout } = await sandbox.run(args, env)
    t.equal(code, 0)
    t.match(stdout, '"path":"small"', args.join(' '))
    t.notMatch(stdout, 'inline', args.join(' '))
  }
})
