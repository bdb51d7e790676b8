import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Cluster, TOKEN } from '../../harness/cluster.js'

const SPACE = 'unshare --user --map-root-user --mount'.split(' ')
const possible = spawnSync(SPACE[0] as string, [...SPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const skip = possible ? false : 'no user namespace in which to mount a small tmpfs'

test("a consumer's full disk is an error, and leaves no file", { skip }, async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  await producer.ask('write', 'big', 8 * 2 ** 20, 1)
  await producer.ask('write', 'small', 100, 2)
  for (const dtlMode of ['rpc', 'local']) {
    const directory = cluster.directory(`full-${dtlMode}`)
    const program = fileURLToPath(new URL('../../harness/dist/full-disk.js', import.meta.url))
    const script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" "$1" "$4"'
    const argv = [...SPACE.slice(1), 'sh', '-c', script, 'sh', directory, process.execPath, program]
    const options = {
      kvs: cluster.kvs,
      token: TOKEN,
      namespace: 'flow',
      node: 'B',
      consumerPath: directory,
      stateDir: cluster.path('state'),
      dtlMode,
    }
    const { stdout, stderr, status } = await run([...argv, JSON.stringify(options)])
    t.equal(status, 0, stderr)
    const told = JSON.parse(stdout)
    for (const [how, left] of Object.entries({ consuming: [], reading: [], inline: ['filler'] })) {
      t.match(told[how].error, { code: 'ERR_DYAD_STORE', rc: -1002, message: /ENOSPC/ }, `${dtlMode}, ${how}`)
      t.strictSame(told[how].left, left, 'nothing is left')
    }
    t.equal(told.ended, false, 'who reads while it arrives comes to no end')
    t.equal(told.small, 100, 'and what fits can be read')
  }
})

async function run(argv: string[]): Promise<{ stdout: string; stderr: string; status: number | null }> {
  const child = spawn(SPACE[0] as string, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { ...texts, status }
}
