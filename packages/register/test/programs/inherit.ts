/** Makes a child or a thread of this program write a file. */
import { execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { Worker } from 'node:worker_threads'

const [how = '', path = ''] = process.argv.slice(2)
const code = `import { writeFile } from 'node:fs/promises'; await writeFile(${JSON.stringify(path)}, ${JSON.stringify(how)})`
const module = `data:text/javascript,${encodeURIComponent(code)}`
const args = ['--input-type=module', '--eval', code]

const ways: Readonly<Record<string, () => unknown>> = {
  'a thread': () => once(new Worker(new URL(module)), 'exit'),
  'a thread with options of its own': () => once(new Worker(new URL(module), { execArgv: ['--no-warnings'] }), 'exit'),
  'a thread with an environment of its own': () =>
    once(new Worker(new URL(module), { env: { ...process.env, OTHER: '1' } }), 'exit'),
  'a child': () => once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit'),
  'a child elsewhere': () => once(spawn(process.execPath, args, { stdio: 'inherit', cwd: tmpdir() }), 'exit'),
  'a child that is waited for': () => execFileSync(process.execPath, args, { stdio: 'inherit' }),
  'a child of a shell': () =>
    once(spawn('sh', ['-c', 'exec "$@"', 'sh', process.execPath, ...args], { stdio: 'inherit' }), 'exit'),
  'a shell': () => once(spawn('sh', ['-c', 'printf %s "$0" > "$1"', how, path], { stdio: 'inherit' }), 'exit'),
  'a fork elsewhere': () => once(fork('-', [], { execArgv: [...process.execArgv, ...args], cwd: tmpdir() }), 'exit'),
}
const [code_] = [await ways[how]?.()].flat()
process.exitCode = typeof code_ === 'number' ? code_ : 0
