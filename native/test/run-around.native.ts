import { existsSync, readdirSync } from 'node:fs'
import { test } from 'tap'
import { Sandbox } from '../../packages/dyad/test/cli/command.js'
import { consuming, DYAD, WORDS, waits } from './support/dyad-run.js'

test('an exported environment does the same for programs that a script starts itself', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const script = (flags: string, line: string) =>
    sandbox.spawn(['-c', `eval "$(${WORDS} env --preload ${flags})"; ${line}`], {}, ['sh']).ended
  const [n1, n2] = [sandbox.at('n1'), sandbox.at('n2')]
  t.match(await script(`--node n1 --producer ${n1}`, `sh -c 'echo by hand > ${n1}/hand'`), { code: 0, stderr: '' })
  t.match(await script(`--node n2 --timeout 20000 --consumer ${n2}`, `cp ${n2}/hand copy; cat copy`), {
    code: 0,
    stdout: 'by hand\n',
  })
  const own = await script(`--node n2 --consumer ${n2}`, `${WORDS} ls; ${WORDS} run -- cat ${n2}/hand`)
  t.match(own, { code: 0, stdout: /hand\nby hand\n$/ }, 'commands of dyad itself work there as well')
})

test('ranks of mpirun that run on one node keep apart, without a service as well', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const words = ['-n', '4', ...DYAD, 'run', '--node', 'n1', '--producer', sandbox.at('n1'), '--']
  const rank = ['sh', '-c', `echo $PMI_RANK > ${sandbox.at('n1')}/rank$PMI_RANK; readlink /proc/self/fd/$PMI_FD`]
  const { code, stdout, stderr } = await sandbox.spawn([...words, ...rank], {}, ['mpirun']).ended
  t.equal(code, 0, stderr)
  t.equal(stdout.match(/^socket:/gm)?.length, 4, 'each has its descriptor to mpirun')
  const alone = words.map((word) => (word === 'n1' ? 'n7' : word))
  const reading = ['cat', ...[0, 1, 2, 3].map((each) => sandbox.at(`c/rank${each}`))]
  const consumed = await sandbox.spawn([...alone.slice(0, -3), '--consumer', sandbox.at('c'), '--', ...reading], {}, [
    'mpirun',
  ]).ended
  t.equal(consumed.stdout.split('\n').sort().join(''), '0000111122223333', consumed.stderr)
  t.equal(readdirSync(sandbox.at('state/agents')).filter((name) => name.startsWith('run-')).length, 0)
})

test('a thousand short programs leave nothing behind', async (t) => {
  await using sandbox = await Sandbox.make()
  const line = 'i=0; while [ $i -lt 1000 ]; do /bin/true || exit 1; i=$((i+1)); done; echo $i'
  const ran = await sandbox.run(['run', '--producer', sandbox.at('p'), '--', 'sh', '-c', line])
  t.match(ran, { code: 0, stdout: '1000\n', stderr: '' })
  t.same(readdirSync(sandbox.at('state/agents')), [])
  t.same(readdirSync(sandbox.at('p')), [])
})

test('a program sees the descriptors that it would have without dyad run', async (t) => {
  await using sandbox = await Sandbox.make()
  const list = ['sh', '-c', 'ls /proc/self/fd; readlink /proc/self/fd/4', 'sh']
  const open = (program: string[]) =>
    sandbox.spawn(['-c', 'exec 4<"$0"; exec "$@"', sandbox.directory, ...program], {}, ['sh']).ended
  const plain = await open(list)
  const run = await open([...DYAD, 'run', '--producer', sandbox.at('p'), '--', ...list])
  t.equal(run.stdout, plain.stdout, run.stderr)
})

test('interrupted while it waits, a program ends by the signal and leaves nothing', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    const waiting = sandbox.spawn([...consuming(sandbox), '--', 'cat', sandbox.at('n2/never')])
    await waits(sandbox)
    const signal = new Promise((resolve) => waiting.child.on('exit', (_, by) => resolve(by)))
    waiting.child.kill(name)
    t.equal(await signal, name)
    while (JSON.parse((await sandbox.run(['status', '--json'])).stdout).store.counts.waiters > 0);
  }
  t.same(readdirSync(sandbox.at('n2')), [])
})

test('doctor finds the library, and that it can be loaded', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const { stdout } = await sandbox.run(['doctor', '--json'], sandbox.on('n1'))
  const { programs } = JSON.parse(stdout)
  t.match(programs, { isUsable: true, answers: true, findings: [] })
  t.ok(existsSync(programs.library))
})
