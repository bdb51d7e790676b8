import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { COMMAND, Sandbox, says } from './command.js'

const FILES = 2_000
/** Some forty are open before the command does anything. */
const DESCRIPTORS = 160

t.test('thousands of files take few descriptors', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  mkdirSync(sandbox.at('run'))
  for (let i = 0; i < FILES; i++) writeFileSync(sandbox.at(`run/${i}`), i % 7 === 0 ? '' : String(i))
  const limited = (args: readonly string[], node: 'n1' | 'n2') => {
    const shell = ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, process.execPath, COMMAND]
    return sandbox.spawn(args, sandbox.on(node), shell).ended
  }
  const put = await limited(['put', '-r', 'run'], 'n1')
  t.match(put, { code: 0, stderr: new RegExp(`^dyad: published ${FILES} files \\([^)]*\\)\\n$`) })
  t.equal(put.stdout.trimEnd().split('\n').length, FILES)
  const got = await limited(['get', '-r', 'run', '--to', 'out'], 'n2')
  t.match(got, { code: 0, stderr: new RegExp(`^dyad: fetched ${FILES} files \\([^)]*\\)\\n$`) })
  t.equal(readdirSync(sandbox.at('out/run')).length, FILES)
  const again = await limited(['get', '-r', 'run', '--to', 'out'], 'n2')
  t.match(again, { code: 0, stderr: `dyad: fetched no files, ${FILES} files were there already\n` })
})

t.test('on a terminal one bar moves for all files, and lines stand above it', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(sandbox.at(name), name)
    truncateSync(sandbox.at(name), 128 * 1024 * 1024)
  }
  for (const [args, node] of [
    [['put', 'a', 'b', 'c', 'missing'], 'n1'],
    [['get', 'a', 'b', 'c', '--to', 'out', '--dtl-mode', 'rpc'], 'n2'],
  ] as const) {
    const { stdout } = await sandbox.runOnTerminal(args, { ...sandbox.on(node), NO_COLOR: '1' })
    const drawn = new Set([...stdout.matchAll(/(\d+)% \|/g)].map(([, percentage]) => Number(percentage)))
    t.ok(drawn.size >= 3 && drawn.has(100), `${[...drawn].join(', ')} % were drawn`)
    t.match(stdout, /\[[=-]{10}\] \d+% \| \d\/3 files \| [\d.]+ \w+\/384\.0 MiB \| [\d.]+ [MGK]iB\/s \| [\d:?]+ left/)
    // What a terminal shows of a line is what follows the last return to its beginning.
    const lines = stdout.split('\r\n').map((line) => stripVTControlCharacters(line.split('\r').at(-1) ?? ''))
    const paths = node === 'n1' ? ['a', 'b', 'c'] : ['a', 'b', 'c'].map((name) => sandbox.at(`out/${name}`))
    for (const path of paths) t.ok(lines.includes(path), `${path} has a line of its own`)
    t.ok(
      lines.some((line) => line.startsWith('dyad: ')),
      'the summary',
    )
    if (node === 'n1') t.ok(lines.some((line) => /^dyad: .*'missing'/.test(line)))
  }
})

t.test('Ctrl-C in the middle leaves whole files alone, and says how many', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  mkdirSync(sandbox.at('run'))
  for (let i = 0; i < FILES; i++) writeFileSync(sandbox.at(`run/${i}`), String(i))
  const putting = sandbox.spawn(['put', '-r', 'run'], sandbox.on('n1'))
  await says(putting, /\n/, 'stdout')
  putting.child.kill('SIGINT')
  const { code, stdout, stderr } = await putting.ended
  t.equal(code, 130)
  t.match(stderr, /^dyad: published \d+ files? \([^)]*\), \d+ files? not finished\n$/)
  t.notOk(readdirSync(sandbox.at('n1/run')).some((name) => name.startsWith('.dyad-')))
  const printed = stdout.trimEnd().split('\n')
  t.ok(printed.length < FILES, `${printed.length} files`)
  const rest = await sandbox.run(['put', '-r', 'run'], sandbox.on('n1'))
  t.match(rest, { code: 0, stderr: /were there already\n$/ }, 'the next one goes on')
})
