import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const SPACE = 'unshare --user --map-root-user --mount'.split(' ')
const possible = spawnSync(SPACE[0] as string, [...SPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const skip = possible ? false : 'no user namespace in which to mount a small tmpfs'

test('a full directory for state keeps nobody waiting, and has locks again once there is room', { skip }, (t) => {
  const state = t.testdir()
  const program = fileURLToPath(new URL('full-state-process.ts', import.meta.url))
  const script = 'mount -t tmpfs -o mode=700,nr_inodes=12 none "$1" && exec "$2" --import=tsx "$3" "$1"'
  const argv = [...SPACE.slice(1), 'sh', '-c', script, 'sh', state, process.execPath, program]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout, stderr } = spawnSync(SPACE[0] as string, argv, { encoding: 'utf8', env })
  t.match(stdout, /^{/, stderr)
  t.same(JSON.parse(stdout), { full: 'ENOSPC', held: [true, true], waits: true })
  t.end()
})
