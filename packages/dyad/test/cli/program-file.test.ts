import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { programFile, unreachable } from '../../src/cli/program-file.js'
import { Sandbox } from './command.js'

const PATH = process.env['PATH'] ?? ''
const TRUE = programFile('true', PATH)
const isRoot = process.getuid?.() === 0

/** A copy of a real program with some bytes replaced. */
function changed(sandbox: Sandbox, name: string, change: (bytes: Buffer) => void): string {
  const bytes = readFileSync(TRUE)
  change(bytes)
  writeFileSync(sandbox.at(name), bytes, { mode: 0o755 })
  return sandbox.at(name)
}

/** Writes over a text that stands in the file, with NULs behind. */
function overwrite(bytes: Buffer, former: string, text: string): void {
  const at = bytes.indexOf(`${former}\0`)
  if (at === -1) throw new Error(`${TRUE} has no ${former}`)
  bytes.fill(0, at, at + former.length).write(text, at)
}

function segmentsOf(bytes: Buffer): Buffer[] {
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)]
  return Array.from({ length: count }, (_, i) => bytes.subarray(start + i * size, start + (i + 1) * size))
}

test('a command is found as a shell finds it', async (t) => {
  await using sandbox = await Sandbox.make()
  for (const name of ['a', 'b']) mkdirSync(sandbox.at(name))
  writeFileSync(sandbox.at('a/tool'), '')
  copyFileSync(TRUE, sandbox.at('b/tool'))
  mkdirSync(sandbox.at('b/folder'))
  const path = `${sandbox.at('a')}:${sandbox.at('b')}`
  t.equal(programFile('tool', path), sandbox.at('b/tool'), 'one that cannot be executed is passed over')
  t.throws(() => programFile('tool', sandbox.at('a')), { message: 'tool: permission denied', exitCode: 126 })
  t.throws(() => programFile(sandbox.at('a/tool'), path), { message: /permission denied/, exitCode: 126 })
  t.throws(() => programFile('folder', path), { message: 'folder: it is a directory', exitCode: 126 })
  t.throws(() => programFile('none', path), { message: 'none: command not found', exitCode: 127 })
  t.throws(() => programFile('./none', path), { message: './none: no such file', exitCode: 127 })
})

test('programs that the library reaches are not warned of', async (t) => {
  await using sandbox = await Sandbox.make()
  for (const file of [TRUE, process.execPath, programFile('sh', PATH)])
    t.equal(unreachable(file, PATH), undefined, file)
  writeFileSync(sandbox.at('script'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
  writeFileSync(sandbox.at('without'), 'exit 0\n', { mode: 0o755 })
  for (const name of ['script', 'without']) t.equal(unreachable(sandbox.at(name), PATH), undefined, name)
})

test('programs that the library cannot reach are told, and why', async (t) => {
  await using sandbox = await Sandbox.make()
  const unloaded = changed(sandbox, 'static', (bytes) => {
    for (const header of segmentsOf(bytes)) if (header.readUInt32LE(0) === 3) header.writeUInt32LE(0, 0)
  })
  const go = changed(sandbox, 'go', (bytes) => overwrite(bytes, '.note.gnu.build-id', '.note.go.buildid'))
  const foreign = changed(sandbox, 'foreign', (bytes) => bytes.writeUInt16LE(40, 18))
  const loader = /\/lib\S*ld-linux[^\0]*/.exec(readFileSync(TRUE, 'latin1'))?.[0] ?? ''
  const musl = changed(sandbox, 'musl', (bytes) => overwrite(bytes, loader, '/lib/ld-musl-x86.so.1'))
  t.match(unreachable(unloaded, PATH), /static is linked statically/)
  t.match(unreachable(go, PATH), /go is a Go program/)
  t.match(unreachable(foreign, PATH), /foreign is for another processor/)
  t.match(unreachable(musl, PATH), /musl is linked with musl/)
  writeFileSync(sandbox.at('direct'), `#! ${unloaded} -x\n`, { mode: 0o755 })
  writeFileSync(sandbox.at('by-env'), `#!/usr/bin/env -S A=1 static\n`, { mode: 0o755 })
  writeFileSync(sandbox.at('by-script'), `#!${sandbox.at('by-env')}\n`, { mode: 0o755 })
  for (const name of ['direct', 'by-env', 'by-script']) {
    t.match(unreachable(sandbox.at(name), sandbox.directory), /static is linked statically/, name)
  }
  writeFileSync(sandbox.at('itself'), `#!${sandbox.at('itself')}\n`, { mode: 0o755 })
  t.equal(unreachable(sandbox.at('itself'), PATH), undefined, 'one that interprets itself ends')
})

test('programs that gain rights are told', async (t) => {
  await using sandbox = await Sandbox.make()
  const own = changed(sandbox, 'own', () => {})
  chmodSync(own, 0o6755)
  t.equal(unreachable(own, PATH), undefined, 'the rights of the caller are no gain')
  if (!isRoot) {
    t.match(unreachable(programFile('su', PATH), PATH), /su is set-user-id/)
    return
  }
  const other = changed(sandbox, 'other', () => {})
  chownSync(other, 65_534, 65_534)
  chmodSync(other, 0o4755)
  t.match(unreachable(other, PATH), /other is set-user-id/)
  chmodSync(other, 0o2755)
  t.match(unreachable(other, PATH), /other is set-group-id/)
  const able = changed(sandbox, 'able', () => {})
  if (spawnSync('setcap', ['cap_net_raw+ep', able]).status === 0)
    t.match(unreachable(able, PATH), /able has capabilities/)
})

test('what is no program, or a damaged one, is left to the system', async (t) => {
  await using sandbox = await Sandbox.make()
  const whole = readFileSync(TRUE)
  for (const [name, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['head', whole.subarray(0, 40)],
    ['half', whole.subarray(0, 200)],
    ['random', Buffer.concat([whole.subarray(0, 16), Buffer.alloc(4096, 0xff)])],
  ] as const) {
    writeFileSync(sandbox.at(name), bytes, { mode: 0o755 })
    t.equal(unreachable(sandbox.at(name), PATH), undefined, name)
  }
})
