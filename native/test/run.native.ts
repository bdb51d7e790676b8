import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Sandbox, says } from '../../packages/dyad/test/cli/command.js'
import { consuming, producing, WORDS, waits } from './support/dyad-run.js'

const PRODUCER = `
  #include <stdio.h>
  int main(int count, char **words) {
    FILE *file = fopen(words[1], "wb");
    if (!file) return perror(words[1]), 2;
    for (int i = 0; i < 100000; i++) if (fprintf(file, "%d\\n", i) < 0) return perror("fprintf"), 3;
    return fclose(file) ? perror("fclose"), 4 : 0;
  }`
const CONSUMER = `
  #include <stdio.h>
  int main(int count, char **words) {
    FILE *file = fopen(words[1], "rb");
    if (!file) return perror(words[1]), 2;
    int value, lines = 0;
    while (fscanf(file, "%d", &value) == 1 && value == lines) lines++;
    printf("%d lines\\n", lines);
    return 0;
  }`

function compile(sandbox: Sandbox, name: string, source: string): string {
  writeFileSync(sandbox.at(`${name}.c`), source)
  const { status, stderr } = spawnSync('cc', ['-o', sandbox.at(name), sandbox.at(`${name}.c`)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return sandbox.at(name)
}

test('a C consumer waits for what a C producer closes, and the reports tell of it', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const [producer, consumer] = [compile(sandbox, 'producer', PRODUCER), compile(sandbox, 'consumer', CONSUMER)]
  const waiting = sandbox.spawn([
    ...consuming(sandbox),
    '--report',
    'r.json',
    '--',
    consumer,
    sandbox.at('n2/a/numbers'),
  ])
  await waits(sandbox)
  const made = await sandbox.run([...producing(sandbox), '--', 'mkdir', sandbox.at('n1/a')])
  t.match(made, { code: 0, stdout: '', stderr: '' })
  const produced = await sandbox.run([...producing(sandbox), '--report', '--', producer, sandbox.at('n1/a/numbers')])
  t.match(produced, { code: 0, stdout: '' })
  t.match(produced.stderr, /^dyad: the program ran for \d+\.\d{3} s, exit code 0\n/)
  t.match(produced.stderr, /^ {2}produced {2}1 file, 575\.1 KiB$/m)
  t.match(await waiting.ended, { code: 0, stdout: '100000 lines\n', stderr: '' })
  const report = JSON.parse(readFileSync(sandbox.at('r.json'), 'utf8'))
  t.match(report, {
    code: 0,
    consumed: { files: 1, bytes: 588_890 },
    waited: { times: 1 },
    waits: [{ path: 'a/numbers' }],
    failed: 0,
  })
  t.ok(report.waited.ms > 0)
})

test('a failure is the program’s: its open fails in time, and its exit code is passed on', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const never = await sandbox.run([...consuming(sandbox), '--timeout', '200', '--', 'cat', sandbox.at('n2/never')])
  t.match(never, {
    code: 1,
    stdout: '',
    stderr: /^cat: \S+\/never: Connection timed out\ndyad: ERR_DYAD_TIMEOUT: .*'never'.*\n$/,
  })
  const consumer = compile(sandbox, 'consumer', CONSUMER)
  const failed = await sandbox.run([
    ...consuming(sandbox),
    '--timeout',
    '200',
    '--report',
    '--',
    consumer,
    sandbox.at('n2/x'),
  ])
  t.match(failed, { code: 2, stderr: /^dyad: ERR_DYAD_TIMEOUT: .*'x'/m })
  t.match(failed.stderr, /^ {2}failed {4}1 request$/m)
})

test('what a program ignores is said: a namespace that is missing, files that nobody can fetch', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const write = (...words: string[]) =>
    sandbox.run([...producing(sandbox), ...words, '--', 'sh', '-c', `echo x > ${sandbox.at('n1/x')}; exit 0`])
  t.match(await write('--namespace', 'nosuch'), {
    code: 0,
    stdout: '',
    stderr: /^dyad: ERR_DYAD_NAMESPACE_MISSING: .*'nosuch'.*'x'.*dyad namespace create NAME.*\n$/,
  })
  t.match(await write('--node', 'n9'), { code: 0, stderr: /^dyad: warning: no service of node 'n9' runs: [^\n]*\n$/ })
  const script = `echo y > ${sandbox.at('other/y')}`
  const other = ['run', '--node', 'n1', '--producer', sandbox.at('other'), '--', 'sh', '-c', script]
  t.match(await sandbox.run(other), { code: 0, stderr: /^dyad: warning: the service of node 'n1' serves [^\n]*\n$/ })
})

test('an agent that ends while a program waits is told of', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const waiting = sandbox.spawn([...consuming(sandbox), '--', 'cat', sandbox.at('n2/never')])
  await waits(sandbox)
  t.match(await sandbox.run(['stop', '--node', 'n2']), { code: 0 })
  t.match(await waiting.ended, {
    code: 1,
    stderr: /^dyad: the agent at \S+ ended the connection: .* start this node's service again\ncat: .*not connected\n$/,
  })
})

test('what a shell opened for dyad run is published once the program has ended', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const shell = (line: string) => {
    const words = [...producing(sandbox), '--'].map((word) => `'${word}'`).join(' ')
    // Other shells, such as dash, keep the file open themselves until the command has ended.
    return sandbox.spawn(['-c', line.replace('RUN', `${WORDS} ${words}`)], {}, ['bash']).ended
  }
  t.match(await shell(`RUN echo text > ${sandbox.at('n1/out')}`), { code: 0, stdout: '', stderr: '' })
  t.match(await shell(`RUN sh -c 'echo text >&5' 5>> ${sandbox.at('n1/five')}`), { code: 0, stdout: '', stderr: '' })
  t.match(await shell(`RUN sh -c 'echo text; kill -9 $$' > ${sandbox.at('n1/killed')}`), { code: 137 })
  t.same((await sandbox.run(['ls', '--json'])).stdout.match(/"path":"[^"]+"/g), ['"path":"five"', '"path":"out"'])
  const kept = await sandbox.spawn(
    ['-c', `${WORDS} ${[...producing(sandbox), '--'].join(' ')} echo text > ${sandbox.at('n1/kept')}; true`],
    {},
    ['dash'],
  ).ended
  t.match(kept, { code: 0, stderr: /^dyad: warning: \S+kept is not published: dash \(process \d+\) has it open.*\n$/ })
  const got = await sandbox.run([
    ...consuming(sandbox),
    '--timeout',
    '5000',
    '--',
    'cat',
    sandbox.at('n2/out'),
    sandbox.at('n2/five'),
  ])
  t.match(got, { code: 0, stdout: 'text\ntext\n' })
})

test('an agent that is frozen is told of, and answers again', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const { stdout } = await sandbox.run(['status', '--json'])
  const service = JSON.parse(stdout).services.find(({ node }: { node: string }) => node === 'n2')
  process.kill(service.pid, 'SIGSTOP')
  const waiting = sandbox.spawn([...consuming(sandbox), '--timeout', '1000', '--', 'cat', sandbox.at('n2/never')])
  try {
    await says(waiting, /^dyad: the agent at \S+ does not answer: its process is stopped or overloaded; the program/)
  } finally {
    process.kill(service.pid, 'SIGCONT')
  }
  t.match(await waiting.ended, { code: 1, stderr: /^cat: .*timed out$/m })
})
