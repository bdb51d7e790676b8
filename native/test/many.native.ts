/** Many opens at once, and many programs one after the other. */
import { readdirSync } from 'node:fs'
import { test } from 'tap'
import { LIBRARY, probe } from './support/probe.js'
import { Site } from './support/site.js'

test('10,000 opens at once wait, and all go on', async (t) => {
  const site = await Site.start(t)
  const files = 100
  const consumer = site.consume(probe('case-many'), ['10000', String(files), site.cluster.path('b')])
  // The first of them wait before anything is published.
  await site.waiting('0')
  const script = 'i=0; while [ $i -lt "$2" ]; do printf %s $i > "$1/$i"; i=$((i + 1)); done'
  const produced = await site.produce('bash', ['-c', script, 'bash', site.cluster.path('a'), String(files)]).ended
  t.match(produced, { status: 0, stderr: '' })
  t.match(await consumer.ended, { status: 0, stderr: '' })
})

test('a thousand short programs leave nothing behind', async (t) => {
  const site = await Site.start(t)
  const left = () => [
    readdirSync(site.cluster.root, { recursive: true }).filter((name) => !/lock|marker/.test(String(name))),
    readdirSync(`/proc/${site.a.pid}/fd`).length,
  ]
  await site.produce('true', []).ended
  const before = left()
  const script = 'i=0; while [ $i -lt 1000 ]; do /bin/true & i=$((i + 1)); [ $((i % 50)) -eq 0 ] && wait; done; wait'
  const both = { DYAD_PATH_CONSUMER: site.cluster.path('b') }
  t.match(await site.produce('bash', ['-c', script], both).ended, { status: 0, stdout: '', stderr: '' })
  t.same(left(), before)
})

test('without a variable of DYAD the library does nothing', async (t) => {
  const site = await Site.start(t)
  const directory = site.cluster.directory('plain')
  const script = 'cd "$1"; echo text > a; cp a b; mv b c; cat c; ls /proc/self/fd; rm a; ls; no-such-command; exit 3'
  const run = async (preload: Record<string, string>) => {
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...preload }
    const ended = await site.run('bash', ['-c', script, 'bash', directory], env).ended
    return { ...ended, files: readdirSync(directory) }
  }
  const plain = await run({})
  t.match(plain, { status: 3, files: ['c'] })
  t.same(await run({ LD_PRELOAD: LIBRARY }), plain)
})
