import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { type BenchFile, type Check, Checker, contentsOf, frames, writeContents } from '../contents.js'

const MiB = 1024 * 1024

function check(file: BenchFile, bytes: Buffer, how: Check, chunk = 100_000): void {
  const checker = new Checker(file, how)
  for (let at = 0; at < bytes.length; at += chunk) checker.take(bytes.subarray(at, at + chunk))
  checker.end()
}

test('what is written is what is checked, whatever the size and the chunks', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-contents-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  for (const size of [0, 1, 40, 64, 65, MiB - 1, MiB, 3 * MiB + 17]) {
    const file = { path: `group0/${size}`, size, seed: 7 }
    writeContents(directory, file)
    const bytes = readFileSync(join(directory, file.path))
    t.ok(bytes.equals(contentsOf(file)), `${size} bytes`)
    for (const how of ['all', 'edges'] as const) {
      t.doesNotThrow(() => check(file, bytes, how))
      t.doesNotThrow(() => check(file, bytes, how, 2 * MiB + 1))
    }
  }
})

test('a sparse file has its size, its beginning and its end', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dyad-contents-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = { path: 'sparse', size: 5 * MiB, seed: 1 }
  writeContents(directory, file, true)
  const bytes = readFileSync(join(directory, 'sparse'))
  t.doesNotThrow(() => check(file, bytes, 'edges'))
  t.throws(() => check(file, bytes, 'all'), /wrong bytes/)
})

test('a byte that is wrong, missing or too many is found', async (t) => {
  const file = { path: 'x', size: 2 * MiB, seed: 3 }
  const bytes = contentsOf(file)
  t.throws(() => check(file, bytes.subarray(0, -1), 'edges'), /bytes came instead of/)
  t.throws(() => check(file, Buffer.concat([bytes, bytes]), 'edges'), /bytes came instead of/)
  for (const at of [0, MiB, bytes.length - 1]) {
    const broken = Buffer.from(bytes)
    broken[at] = (broken[at] ?? 0) ^ 1
    t.throws(() => check(file, broken, 'all'), /x: wrong bytes/)
  }
  t.throws(() => check({ ...file, seed: 4 }, bytes, 'edges'), /wrong bytes at 0/)
})

test('frames have names, numbers and bytes of their own', async (t) => {
  const [first, second] = frames(2, 40, 'group1')
  t.match([first?.path, second?.path], ['group1/frame-000001.dat', 'group1/frame-000002.dat'])
  t.notOk(contentsOf(first as BenchFile).equals(contentsOf(second as BenchFile)))
})
