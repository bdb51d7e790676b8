/**
 * Programs that other programs start: those that are consumer-managed, and those that no library
 * can be loaded into.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { probe } from './support/probe.js'
import { Site } from './support/site.js'

const STATIC = fileURLToPath(new URL('../target/probes/case-static-linked', import.meta.url))
const SOURCE = fileURLToPath(new URL('../probes/case-static.c', import.meta.url))
// The first test of a clean clone makes the folder of the probes.
mkdirSync(dirname(STATIC), { recursive: true })
const linked = spawnSync('cc', ['-static', '-o', STATIC, SOURCE]).status === 0

test('a published program is brought before it is executed', async (t) => {
  const site = await Site.start(t)
  const script = site.cluster.path('script')
  writeFileSync(script, '#!/bin/sh\necho ran\n')
  chmodSync(script, 0o755)
  for (const how of ['execve', 'execvp', 'execl', 'execveat', 'posix_spawn', 'posix_spawnp']) {
    for (const stat of ['fetch', 'record']) {
      const name = `${how}-${stat}`
      const [path, copy] = site.paths(name)
      t.match(await site.produce('cp', ['-p', script, path]).ended, { status: 0, stderr: '' })
      const ran = await site.consume(probe('case-run'), [how, copy], { DYAD_STAT: stat }).ended
      t.match(ran, { status: 0, stdout: 'ran\n', stderr: '' }, name)
    }
  }
  const absent = await site.consume(probe('case-run'), ['execve', site.paths('absent')[1]]).ended
  t.match(absent, { status: 100, stderr: 'execve: 2\n' }, 'one that is not published is not waited for')
})

test('what a program without the library leaves unpublished is told', {
  skip: linked ? false : 'no static C library',
}, async (t) => {
  const site = await Site.start(t)
  const lost = (path: string) =>
    `dyad: ${path} is not published: ${STATIC}, which has it open, loads no library (static)\n`
  const cases: [shell: string, script: string, outcome: 'published' | 'told' | 'silent'][] = [
    ['bash', '"$1" > "$2"', 'told'],
    ['bash', 'echo a | "$1" > "$2"', 'told'],
    ['bash', '"$1" > "$2" & wait', 'told'],
    ['bash', 'env -i "$1" > "$2"; true', 'told'],
    // A line would become a part of the file.
    ['bash', '"$1" > "$2" 2>&1', 'silent'],
    ['bash', 'exec 3> "$2"; "$1" >&3; echo more >&3', 'published'],
    ['dash', '"$1" > "$2"; true', 'published'],
    ['bash', 'env -i /bin/echo static > "$2"; true', 'published'],
  ]
  for (const [index, [shell, script, outcome]] of cases.entries()) {
    const name = `${shell}-${index}`
    const [path] = site.paths(name)
    const { status, stderr } = await site.produce(shell, ['-c', script, shell, STATIC, path]).ended
    t.same({ status, stderr }, { status: 0, stderr: outcome === 'told' ? lost(path) : '' }, script)
    t.match(readFileSync(path, 'utf8'), /^static\n(more\n)?$/)
    t.equal(await site.published(name), outcome === 'published' ? 1 : 0, script)
  }
})

/** What makes a program one of Go, as far as its file tells: a note, behind one of others. */
const GO_NOTE = `
__asm__(".pushsection .note.go.buildid,\\"a\\",@note\\n.long 4,5,1\\n.ascii \\"ABC\\\\0other\\\\0\\\\0\\\\0\\"\\n.long 4,4,4\\n.ascii \\"Go\\\\0\\\\0id:x\\"\\n.popsection");`

test('the line names why no library is loaded', async (t) => {
  const site = await Site.start(t)
  const loader = site.cluster.path('ld-musl-of-the-test.so.1')
  const source = readFileSync(SOURCE, 'utf8')
  const system = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((file) => existsSync(file))
  symlinkSync(system ?? 'none', loader)
  const kinds: [why: string, source: string, flags: string[]][] = [
    ['linked with musl', source, [`-Wl,--dynamic-linker=${loader}`]],
    ['Go', source + GO_NOTE, []],
  ]
  for (const [why, text, flags] of kinds) {
    const name = why.replaceAll(' ', '-')
    const program = site.cluster.path(name)
    t.match(spawnSync('cc', ['-x', 'c', '-o', program, ...flags, '-'], { input: text, encoding: 'utf8' }), {
      status: 0,
      stderr: '',
    })
    const [path] = site.paths(`of-${name}`)
    const ended = await site.produce('bash', ['-c', '"$1" > "$2"; true', 'bash', program, path]).ended
    t.match(ended, {
      status: 0,
      stderr: `dyad: ${path} is not published: ${program}, which has it open, loads no library (${why})\n`,
    })
    t.equal(readFileSync(path, 'utf8'), 'static\n')
  }
})
