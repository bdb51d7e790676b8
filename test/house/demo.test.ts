import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const DEMO = fileURLToPath(new URL('../../examples/dist/demo.js', import.meta.url))

test('the demo prints one line for each file, in their order, with bytes, transport and wait', async (t) => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DYAD_')))
  const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO, '4'], { env, encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.equal(stderr, '', 'no bar where there is no terminal')
  const [, ...scenes] = stdout.split('\n== ')
  const ways = ['in its record', 'in its record', 'over tcp', 'shared, not moved']
  t.equal(scenes.length, ways.length + 1)
  for (const [i, way] of ways.entries()) {
    const [title = '', ...lines] = scenes[i]?.split('\n') ?? []
    const files = lines.filter((line) => /^ {3}data/.test(line))
    t.same(
      files.map((line) => line.replace(/ +/g, ' ').replace(/[\d.]+ ms$/, 'N ms')),
      Array.from({ length: 10 }, (_, n) => ` data${n}.txt 40 bytes ${way} waited N ms`),
      title,
    )
    const isConsumerFirst = /consumer starts first/.test(title)
    t.match(
      files[0],
      isConsumerFirst ? /waited (?!0\.0)/ : /waited 0\.0 ms/,
      'the first consumer waits, if it comes first',
    )
  }
  const large = scenes.at(-1)?.match(/large\.bin +4194304 bytes over (\w+) +\d+ MiB\/s/g) ?? []
  t.same(
    large.map((line) => /over (\w+)/.exec(line)?.[1]),
    ['tcp', 'local'],
  )
  t.match(stdout.trimEnd().split('\n').at(-1), /^Shown: 40 files of 40 bytes and one of 4 MiB/)
})
