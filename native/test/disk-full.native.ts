/** A consumer whose directory has no room: its open fails, and leaves nothing. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { probe } from './support/probe.js'
import { Site } from './support/site.js'
import { ERRNO } from './support/steps.js'

const SPACE = 'unshare --user --map-root-user --mount'.split(' ')
const possible = spawnSync(SPACE[0] as string, [...SPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const skip = possible ? false : 'no user namespace in which to mount a small tmpfs'
const DYAD = fileURLToPath(new URL('../../packages/dyad/bin/dyad.js', import.meta.url))

test("a consumer's full disk", { skip }, async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('big')
  const produced = await site.produce('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M', 'count=8', 'status=none']).ended
  t.match(produced, { status: 0, stderr: '' })
  // The agent needs to see the small disk, too: it runs for this program alone.
  const small = site.cluster.directory('small')
  const script =
    'mount -t tmpfs -o size=4m none "$1" && echo "read $1/big" | "$2" "$3" run --consumer "$1" -- "$4" && ls -A "$1"'
  const args = [...SPACE.slice(1), 'sh', '-c', script, 'sh', small, process.execPath, DYAD, probe('case-steps')]
  const env = site.env('C', { LD_PRELOAD: undefined })
  const ended = await site.run(SPACE[0] as string, args, env).ended
  t.match(ended, {
    status: 0,
    stdout: `${ERRNO.ENOSPC} \n`,
    stderr: /^dyad: ERR_DYAD_STORE: .*\/small\/big.*ENOSPC.*\n$/,
  })
})
