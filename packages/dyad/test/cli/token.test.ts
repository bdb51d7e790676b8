import { chmod, writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { Sandbox } from './command.js'

test('commands of one user agree on a token that nobody typed, and nothing prints it', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const path = sandbox.at('config/dyad/token')
  const { token } = sandbox
  const outcomes = [
    await sandbox.run(['put', '-', 'x'], sandbox.on('n1'), 'x'.repeat(5000)),
    await sandbox.run(['get', 'x', '-'], { ...sandbox.on('n2'), NODE_DEBUG: 'dyad' }),
    await sandbox.run(['ls']),
    await sandbox.run(['status', '--json']),
    await sandbox.run(['env']),
    await sandbox.run(['token']),
    await sandbox.run(['token', '--json']),
  ]
  for (const { code, stdout, stderr } of outcomes) {
    t.equal(code, 0, stderr)
    t.notOk(`${stdout}${stderr}`.includes(token))
  }
  t.match(outcomes[5], { stdout: `${path}\n`, stderr: /scp -p \S+ HOST:/ })
  t.match(JSON.parse(String(outcomes[6]?.stdout)), { source: 'file', path })
  const stranger = await sandbox.run(['ls'], { XDG_CONFIG_HOME: sandbox.at('another') })
  t.match(stranger, { code: 7, stderr: /^dyad: ERR_DYAD_DENIED: .*`dyad token`/ }, 'another user is refused')
  await chmod(path, 0o644)
  t.match(await sandbox.run(['ls']), { code: 2, stderr: /ERR_DYAD_OPTION.*other users may read/ })
})

test('running open is asked for by name, and told', async (t) => {
  await using sandbox = await Sandbox.make()
  sandbox.env['DYAD_OPEN'] = '1'
  const started = await sandbox.run(['start', '-d', '--broker', '--node', 'n1', '--json', sandbox.at('n1')])
  t.equal(started.code, 0, started.stderr)
  sandbox.env['DYAD_KVS'] = JSON.parse(started.stdout).kvs
  t.match(await sandbox.run(['status']), { code: 0, stdout: /open: it runs without a token/ })
  t.match(JSON.parse((await sandbox.run(['status', '--json'])).stdout), { services: [{ open: true }] })
  t.match(await sandbox.run(['token']), { code: 0, stdout: '', stderr: /runs open/ })
  t.match(await sandbox.run(['ls'], { DYAD_OPEN: '' }), { code: 7, stderr: /ERR_DYAD_DENIED/ }, 'on every side')
  const wide = await sandbox.run([
    'start',
    '--host',
    '0.0.0.0',
    '--broker',
    '--node',
    'n2',
    '--kvs',
    'ws://127.0.0.1:0',
  ])
  t.match(wide, { code: 9, stderr: /ERR_DYAD_BIND.*DYAD_OPEN/ }, 'on loopback only')
})

test('a token that is given is told of, and a short one warned of', async (t) => {
  await using sandbox = await Sandbox.make()
  t.match(await sandbox.run(['token'], { DYAD_TOKEN: 'long enough for nobody' }), {
    code: 0,
    stdout: '',
    stderr: /environment/,
  })
  t.match(await sandbox.run(['token'], { DYAD_TOKEN: 'short' }), { code: 0, stderr: /fewer than 16 characters/ })
  await writeFile(sandbox.at('given'), 'a token of this file alone', { mode: 0o600 })
  t.match(await sandbox.run(['token', '--token-file', sandbox.at('given')]), { stdout: `${sandbox.at('given')}\n` })
})

test('nothing prints a token that is given, nor what is wrong with it', async (t) => {
  const secret = 'given-to-this-test-alone'
  await using sandbox = await Sandbox.withNodes({ DYAD_TOKEN: secret })
  const debug = { DYAD_SYNC_DEBUG: '1', NODE_DEBUG: 'dyad' }
  const outcomes = [
    await sandbox.run(['put', '-', 'a'], { ...sandbox.on('n1'), ...debug }, 'y'.repeat(5_000)),
    await sandbox.run(['get', 'a', '-'], { ...sandbox.on('n2'), ...debug }),
    await sandbox.run(['start', '-d', '--json', '--node', 'n3', sandbox.at('n3')], debug),
    await sandbox.run(['status'], debug),
    await sandbox.run(['status', '--json']),
    await sandbox.run(['env'], debug),
    await sandbox.run(['env', '--json']),
    await sandbox.run(['env', '--export']),
    await sandbox.run(['token'], debug),
    await sandbox.run(['token', '--json']),
  ]
  for (const { code, stderr } of outcomes) t.equal(code, 0, stderr)
  t.match(outcomes[6], { stdout: /"DYAD_TOKEN","value":"\*{8}"/ })
  t.match(outcomes[5], { stdout: /^DYAD_TOKEN +environment +\*{8}$/m })
  t.match(outcomes[7], { stdout: /^# DYAD_TOKEN is set, and not shown$/m })
  const wrong = 'wrong for this one'
  const refused = await sandbox.run(['ls'], { DYAD_TOKEN: wrong, ...debug })
  t.match(refused, { code: 7, stderr: /ERR_DYAD_DENIED/ })
  for (const token of ['no\nline', 'x', 'x'.repeat(5_000)])
    outcomes.push(await sandbox.run(['ls'], { DYAD_TOKEN: token }))
  for (const { stdout, stderr } of [...outcomes, refused]) {
    for (const token of [secret, wrong, 'no\nline', 'xxxxxxxxxx']) t.notOk(`${stdout}${stderr}`.includes(token), token)
  }
})
