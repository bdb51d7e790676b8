import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Sandbox } from './command.js'

const PLACE = `dyad-${process.getuid?.()}`

/** A sandbox without DYAD_STATE_DIR, whose node no other test has. */
async function withoutPlace(): Promise<{ sandbox: Sandbox; node: string; login: NodeJS.ProcessEnv }> {
  const sandbox = await Sandbox.make()
  const login = { DYAD_STATE_DIR: '', XDG_RUNTIME_DIR: sandbox.at('run'), TMPDIR: sandbox.at('tmp') }
  for (const name of ['run', 'tmp']) await mkdir(sandbox.at(name))
  return { sandbox, node: `login-${process.pid}-${Date.now()}`, login }
}

/** Logins by cron and `sudo -u` have no XDG_RUNTIME_DIR; jobs have a TMPDIR of their own. */
const BARE = { DYAD_STATE_DIR: '', XDG_RUNTIME_DIR: '', TMPDIR: '' }

for (const way of ['with XDG_RUNTIME_DIR and is stopped without', 'without XDG_RUNTIME_DIR and is stopped with']) {
  t.test(`a service starts ${way}`, async (t) => {
    const { sandbox, node, login } = await withoutPlace()
    await using _ = sandbox
    const [starting, stopping] = way.startsWith('without') ? [BARE, login] : [login, BARE]
    const started = await sandbox.run(['start', '-d', '--broker', '--json', '--node', node], starting)
    t.equal(started.code, 0, started.stderr)
    try {
      const kvs = { DYAD_KVS: JSON.parse(started.stdout).kvs }
      const status = JSON.parse((await sandbox.run(['status', '--json'], { ...stopping, ...kvs })).stdout)
      t.ok(status.services.some((service: { node: string }) => service.node === node))
    } finally {
      const stopped = await sandbox.run(['stop', '--node', node], stopping)
      t.match(stopped, { code: 0, stdout: `${node}\n`, stderr: '' })
    }
  })
}

t.test('a service in a place of an earlier version is found', async (t) => {
  const { sandbox, node, login } = await withoutPlace()
  await using _ = sandbox
  for (const former of ['run', 'tmp']) {
    const place = { DYAD_STATE_DIR: join(sandbox.at(former), PLACE) }
    t.equal((await sandbox.run(['start', '-d', '--broker', '--node', node], place)).code, 0)
    const status = JSON.parse((await sandbox.run(['status', '--json'], login)).stdout)
    t.ok(
      status.services.some((service: { node: string }) => service.node === node),
      former,
    )
    t.match(await sandbox.run(['stop', '--node', node], login), { code: 0, stdout: `${node}\n` })
  }
})
