import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { Site } from '../site.js'

function open(t: Test, signal = new AbortController().signal): Site {
  const parent = mkdtempSync(join(tmpdir(), 'dyad-site-'))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  return new Site(parent, signal)
}

test('a directory is emptied and stays the same', async (t) => {
  await using site = open(t)
  const path = site.empty('a')
  writeFileSync(join(path, 'x'), 'x')
  t.equal(site.empty('a'), path)
  t.notOk(existsSync(join(path, 'x')))
})

test('nothing is left of a site that has ended, and nothing begins there', async (t) => {
  const site = open(t)
  site.empty('a')
  await site[Symbol.asyncDispose]()
  t.notOk(existsSync(site.root))
  t.throws(() => site.empty('a'), /has ended/)
  await t.rejects(site.fork('pong'), /has ended/)
  t.notOk(existsSync(site.root))
})

test('a command is run to its end, or ended by the signal', async (t) => {
  const interruption = new AbortController()
  await using site = open(t, interruption.signal)
  t.equal(await site.run(process.execPath, ['-p', '6 * 7']), '42\n')
  await t.rejects(site.run(process.execPath, ['-e', 'process.exit(3)']), { code: 3 })
  const endless = site.run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  interruption.abort()
  await t.rejects(endless, { name: 'AbortError' })
})
