import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { connect, start } from '../../src/index.js'

/** Runs a node and a session as a user without an entry in the system, and prints the outcome. */
async function run(uid: number): Promise<unknown> {
  // Everything is loaded by now: this user may not be able to read it.
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
  const root = mkdtempSync(`${tmpdir()}/dyad-unlisted-`)
  try {
    process.env['TMPDIR'] = root
    const homeless = await refusedHome()
    process.env['XDG_CONFIG_HOME'] = `${root}/config`
    const options = { namespace: 'unlisted', node: 'U' }
    await using node = await start({ ...options, kvs: 'ws://127.0.0.1:0', broker: true, directories: [`${root}/prod`] })
    const { kvs } = node.status
    const producing = await connect({ ...options, kvs, producerPath: `${root}/prod` })
    const file = await producing.open('x', 'w')
    await file.writeFile('x'.repeat(5000))
    await file.close()
    await producing.close()
    await using consuming = await connect({ ...options, kvs, node: 'V', consumerPath: `${root}/cons` })
    const { length } = readFileSync(await consuming.consume('x'))
    const closed = `${root}/closed`
    const refusal = await refusedState(closed)
    return {
      isListed: isListed(),
      length,
      stateDir: consuming.config.stateDir,
      closed,
      refusal,
      homeless,
    }
  } finally {
    rmSync(root, { recursive: true })
    rmSync(`/tmp/dyad-${uid}`, { recursive: true, force: true })
  }
}

/** Returns the error of a session whose user has no home, or a home that allows no new files. */
async function refusedHome(): Promise<unknown> {
  const said: unknown[] = []
  delete process.env['XDG_CONFIG_HOME']
  for (const home of ['', '/', '/proc/none']) {
    process.env['HOME'] = home
    const refusal = await connect({ kvs: 'memory:' }).catch((error) => error)
    said.push(refusal instanceof Error ? refusal.message : 'none')
  }
  return said
}

/** Returns the error of a session whose directory for state allows no new files. */
async function refusedState(stateDir: string): Promise<unknown> {
  const first = await connect({ kvs: 'memory:', stateDir, consumerPath: `${stateDir}/../cons` })
  await first.close()
  chmodSync(stateDir, 0o500)
  return connect({ kvs: 'memory:', stateDir, consumerPath: `${stateDir}/../cons` }).then(
    () => 'none',
    (error) => ({ code: error.code, path: error.path, message: error.message }),
  )
}

function isListed(): boolean {
  try {
    return userInfo().username !== ''
  } catch {
    return false
  }
}

run(Number(process.argv[2])).then(
  (outcome) => process.send?.(outcome, () => process.disconnect()),
  (error) => process.send?.(String(error.stack), () => process.disconnect()),
)
