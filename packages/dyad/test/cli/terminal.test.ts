import { readdir, truncate, writeFile } from 'node:fs/promises'
import t from 'tap'
import { Sandbox, says } from './command.js'

const GIB = 1024 ** 3

t.test('on a terminal a bar moves', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await writeFile(sandbox.at('big'), '')
  await truncate(sandbox.at('big'), GIB)
  for (const args of [
    ['put', sandbox.at('big')],
    ['get', 'big', '--dtl-mode', 'rpc'],
  ]) {
    const { code, stdout } = await sandbox.runOnTerminal(args, sandbox.on(args[0] === 'put' ? 'n1' : 'n2'))
    t.equal(code, 0)
    const drawn = new Set([...stdout.matchAll(/(\d+)% \|/g)].map(([, percentage]) => Number(percentage)))
    t.ok(drawn.size >= 3, `${[...drawn].join(', ')} % were drawn`)
    t.ok(drawn.has(100), 'up to the end')
    t.match(stdout, /\[=+-*\] +\d+% \| [\d.]+ \w+ of 1\.0 GiB \| [\d.]+ [MGK]iB\/s \| [\d:]+ left/)
  }
})

t.test('on a terminal a wait is told of', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const waiting = sandbox.spawnOnTerminal(['get', 'late'], { ...sandbox.on('n2'), DYAD_SYNC_DEBUG: '1' })
  await says(waiting, /dyad\.kvs\.waiting/, 'stdout')
  t.equal((await sandbox.run(['put', '-', 'late'], sandbox.on('n1'), 'x')).code, 0)
  t.match(await waiting.ended, { code: 0, stdout: 'waiting for late …' })
})

t.test('NO_COLOR is respected', async (t) => {
  await using sandbox = await Sandbox.make()
  t.match((await sandbox.runOnTerminal(['get', 'x'])).stdout, '\u001b[31m', 'there is colour to begin with')
  t.notMatch((await sandbox.runOnTerminal(['get', 'x'], { NO_COLOR: '1' })).stdout, '\u001b')
})

t.test('Ctrl-C while waiting exits with 130 and leaves nothing', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    for (const args of [
      ['get', 'never'],
      ['wait', 'never'],
    ]) {
      const waiting = sandbox.spawn(args, { ...sandbox.on('n2'), DYAD_SYNC_DEBUG: '1' })
      await says(waiting, /dyad\.kvs\.waiting/)
      waiting.child.kill(signal)
      const outcome = await waiting.ended
      t.same({ code: outcome.code, stdout: outcome.stdout }, { code, stdout: '' }, `${args[0]} on ${signal}`)
      t.notMatch(outcome.stderr, 'ERR_DYAD')
    }
  }
  t.same(await readdir(sandbox.at('n2')), [], 'no file')
  const { counts } = JSON.parse((await sandbox.run(['status', '--json'])).stdout).store
  t.equal(counts.waiters, 0, 'nobody waits in the store')
})

t.test('Ctrl-C while putting publishes nothing and leaves nothing', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const) {
    const putting = sandbox.spawn(['put', '-', 'half'], sandbox.on('n1'))
    putting.child.stdin?.on('error', () => {})
    // More than any buffer on the way holds: when it is taken, the copy is under way.
    await new Promise((resolve) => putting.child.stdin?.write(Buffer.alloc(8 * 1024 * 1024), resolve))
    putting.child.kill(signal)
    t.equal((await putting.ended).code, code)
    t.same(await readdir(sandbox.at('n1')), [])
    t.equal((await sandbox.run(['lookup', 'half'])).code, 3)
  }
})

t.test('who reads no more ends a command quietly', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await writeFile(sandbox.at('big'), '')
  await truncate(sandbox.at('big'), 16 * 1024 * 1024)
  t.equal((await sandbox.run(['put', sandbox.at('big')], sandbox.on('n1'))).code, 0)
  const reading = sandbox.spawn(['get', 'big', '-'], sandbox.on('n2'))
  reading.child.stdout?.once('data', () => reading.child.stdout?.destroy())
  const stderr = new Promise<string>((resolve) => {
    let said = ''
    reading.child.stderr?.on('data', (chunk) => {
      said += chunk
    })
    reading.child.on('close', () => resolve(said))
  })
  const code = new Promise((resolve) => reading.child.on('exit', resolve))
  reading.ended.catch(() => {})
  t.equal(await code, 0)
  t.equal(await stderr, '')
})
