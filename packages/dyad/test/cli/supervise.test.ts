import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { Sandbox } from './command.js'

const [SUPERVISING = '', COUNTING = ''] = ['supervising-process.mjs', 'counting-process.mjs'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
)
const SUPERVISE = [process.execPath, SUPERVISING]
const COUNT = [process.execPath, COUNTING]

function ran(...program: string[]) {
  const [file = '', ...args] = [...SUPERVISE, ...program]
  return spawnSync(file, args, { encoding: 'utf8' })
}

test('a program ends this process as it ended itself', async (t) => {
  t.match(ran('/bin/sh', '-c', 'echo out; echo err >&2; exit 7'), { status: 7, stdout: 'out\n', stderr: 'err\n' })
  t.match(ran('/bin/true'), { status: 0, stdout: '', stderr: '' })
  for (const name of ['TERM', 'KILL', 'PIPE', 'HUP', 'USR1', 'INT']) {
    t.match(ran('/bin/sh', '-c', `kill -${name} $$`), { status: null, signal: `SIG${name}`, stderr: '' })
  }
  // If the program may have written a core file, this process must not overwrite it.
  const limits = ['-c', `ulimit -c "$1"; shift; exec "$@"`, 'sh']
  const crash = (cores: string) =>
    spawnSync('/bin/sh', [...limits, cores, ...SUPERVISE, '/bin/sh', '-c', 'ulimit -c 0; kill -SEGV $$'])
  t.match(crash('0'), { status: null, signal: 'SIGSEGV' })
  if (spawnSync('/bin/sh', ['-c', 'ulimit -c 1']).status === 0) t.match(crash('1'), { status: 139, signal: null })
})

/**
 * Starts a program that counts signals below a supervising one, in a process group of their own.
 */
class Counted implements AsyncDisposable {
  readonly parent: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly heard: string[] = []

  private constructor(env: NodeJS.ProcessEnv) {
    const [file = '', ...args] = [...SUPERVISE, ...COUNT]
    this.parent = spawn(file, args, { detached: true, env, stdio: ['pipe', 'pipe', 'inherit'] })
    if (this.parent.stdout === null) throw new Error('no output')
    this.#lines = createInterface({ input: this.parent.stdout })[Symbol.asyncIterator]()
  }

  static async begin(env = process.env): Promise<Counted> {
    const counted = new Counted(env)
    await counted.hear('ready')
    return counted
  }

  async hearOne(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`ended after ${this.heard.join(' ')}`)
    this.heard.push(value)
    return value
  }

  /** Waits for a line. */
  async hear(line: string): Promise<void> {
    while ((await this.hearOne()) !== line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.parent
    if (pid !== undefined && this.parent.exitCode === null) process.kill(-pid, 'SIGKILL')
  }
}

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const

/**
 * Sends each signal to the process alone and to its group, in turns. The program receives each
 * once.
 */
async function eachOnce(t: Test, counted: Counted): Promise<void> {
  const { pid = 0 } = counted.parent
  const expected = ['ready']
  for (const name of [...NAMES, ...NAMES]) {
    for (const target of [pid, -pid]) {
      process.kill(target, name)
      await counted.hear(name)
      // A second copy would arrive before the next signal.
      process.kill(pid, 'SIGUSR2')
      await counted.hear('SIGUSR2')
      expected.push(name, 'SIGUSR2')
    }
  }
  const ended = once(counted.parent, 'exit')
  counted.parent.stdin?.end()
  t.same(await ended, [3, null])
  t.same(counted.heard, expected)
}

test('a program gets each signal once, whether it was sent to this process or to the whole group', async (t) => {
  await using counted = await Counted.begin()
  await eachOnce(t, counted)
})

test('also while the witness of the next signal has yet to begin', async (t) => {
  await using sandbox = await Sandbox.make()
  await writeFile(sandbox.at('env'), '#!/bin/sh\nsleep 0.05\nexec /usr/bin/env "$@"\n', { mode: 0o755 })
  await using counted = await Counted.begin({ ...process.env, PATH: `${sandbox.at('')}:${process.env.PATH}` })
  await eachOnce(t, counted)
})

test('signals that come to the group at once are not forwarded either', async (t) => {
  await using counted = await Counted.begin()
  const { pid = 0 } = counted.parent
  for (const name of NAMES) process.kill(-pid, name)
  for (let left = NAMES.length; left > 0; left--) await counted.hearOne()
  process.kill(pid, 'SIGUSR2')
  await counted.hear('SIGUSR2')
  t.same(counted.heard.slice(1, -1).sort(), [...NAMES].sort())
})

test('no process is left, of those that bear witness either', async (t) => {
  const counted = await Counted.begin()
  const { pid = 0 } = counted.parent
  t.ok(membersOf(pid) >= 3)
  process.kill(-pid, 'SIGTERM')
  await counted.hear('SIGTERM')
  const ended = once(counted.parent, 'exit')
  counted.parent.stdin?.end()
  await ended
  t.equal(membersOf(pid), 0)
})

/** How many processes a group has. */
function membersOf(group: number): number {
  return readdirSync('/proc').filter((name) => {
    try {
      const text = /^\d+$/.test(name) ? readFileSync(`/proc/${name}/stat`, 'latin1') : ''
      return text !== '' && Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2]) === group
    } catch {
      return false
    }
  }).length
}

test('a program inherits the descriptors of whoever called this process', async (t) => {
  await using sandbox = await Sandbox.make()
  await writeFile(sandbox.at('seven'), 'by seven\n')
  const words = ['-c', 'exec 5>"$1" 7<"$2"; shift 2; exec "$@"', 'sh', sandbox.at('five'), sandbox.at('seven')]
  const program = ['/bin/sh', '-c', 'cat <&7; echo by five >&5']
  const { status, stdout } = spawnSync('/bin/sh', [...words, ...SUPERVISE, ...program], { encoding: 'utf8' })
  t.match({ status, stdout }, { status: 0, stdout: 'by seven\n' })
  t.equal(readFileSync(sandbox.at('five'), 'utf8'), 'by five\n')
})

test('on a terminal Ctrl-C and Ctrl-Z reach the program once, and its shell sees that it stopped', async (t) => {
  await using sandbox = await Sandbox.make()
  const line = [...SUPERVISE, ...COUNT].map((word) => `'${word}'`).join(' ')
  await writeFile(sandbox.at('job.sh'), `set -m\n${line}\necho stopped $?\nfg\necho ended $?\n`)
  const terminal = sandbox.spawn(['-qec', `bash ${sandbox.at('job.sh')}`, '/dev/null'], {}, ['script'])
  let said = ''
  const lines = terminal.child.stdout
  const saying = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => pattern.test(said) && resolve()
      lines?.on('data', look)
      lines?.on('end', () => reject(new Error(said)))
      look()
    })
  lines?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  await saying(/ready/)
  terminal.child.stdin?.write('\x03')
  await saying(/SIGINT/)
  terminal.child.stdin?.write('\x1a')
  await saying(/stopped 148/)
  await saying(/SIGCONT/)
  terminal.child.stdin?.write('\x04')
  await saying(/ended 3/)
  t.equal(said.match(/SIGINT/g)?.length, 1)
  terminal.child.stdin?.end()
  await terminal.ended
})
