import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { DyadError } from '../src/errors.js'
import { errorOf, errorText } from '../src/transfer/owner-error.js'
import { visible } from '../src/visible.js'

/** Texts that do something to a terminal, and how they are shown. */
const ACTIVE: Readonly<Record<string, string>> = {
  'a\nb': 'a\\nb',
  'a\r\tb': 'a\\r\\tb',
  '\u001b[2J\u0007': '\\x1b[2J\\x07',
  '\u007f\u009b31m\u0085': '\\x7f\\x9b31m\\x85',
  'a\u2028b\u2029': 'a\\u2028b\\u2029',
  '\u202egnp.exe\u2066\u061c': '\\u202egnp.exe\\u2066\\u061c',
  '\ud800x\udfff': '\\ud800x\\udfff',
  'nul\0': 'nul\\x00',
}

test('what a terminal acts on is shown, and everything else is as it is', async (t) => {
  for (const [text, shown] of Object.entries(ACTIVE)) t.equal(visible(text), shown)
  for (const text of ['', 'plain', 'schön/日本語/🎉👩‍👩‍👧', 'שלום', "it's \\n 100 %"]) t.equal(visible(text), text)
})

test('an error is one line, whatever it is about', async (t) => {
  for (const [text, shown] of Object.entries(ACTIVE)) {
    const error = new DyadError('ERR_DYAD_GONE', { path: text, node: text, detail: text })
    t.match(error.message, `'${shown}' on node '${shown}' (${shown})`)
    t.equal(visible(error.message), error.message)
    t.strictSame([error.path, error.node, error.detail], [text, text, text], 'its fields are exact')
    const wrapping = new DyadError('ERR_DYAD_STORE', { cause: new Error(text) })
    t.match(wrapping.message, `(${shown})`)
  }
  t.ok(new DyadError('ERR_DYAD_GONE', { path: 'x'.repeat(1e6), detail: 'y'.repeat(1e6) }).message.length < 10_000)
})

test('what an owner tells of an error is bounded and one line, on both sides', async (t) => {
  const detail = `x\n\u001b[2J${'y'.repeat(100_000)}`
  for (const error of [errorOf('ERR_DYAD_REFUSED', detail, 'x'), errorOf(detail, '', 'x')]) {
    t.equal(visible(error.message), error.message)
    t.ok(error.message.length < 2_000)
    t.equal(visible(error.detail), error.detail)
  }
  for (const error of [new DyadError('ERR_DYAD_REFUSED', { detail }), new Error(detail)]) {
    const told = errorText(error)
    t.equal(visible(told.detail), told.detail)
    t.ok(told.detail.length < 2_000)
  }
})

test('no message forges a line of what is told on stderr', async (t) => {
  const program = `
    import { report, tellOnStderr } from ${JSON.stringify(new URL('../src/diagnostics.ts', import.meta.url).href)}
    tellOnStderr()
    const evil = 'x\\n\\u001b[2Jdyad.kvs.waiting forged\\u2028\\u202e'
    report('dyad.kvs.waiting', { path: evil, namespace: evil })
    report('dyad.kvs.unreadable', { error: new Error(evil) })`
  for (const env of [{}, { NODE_DEBUG: 'dyad' }]) {
    const { stderr, status } = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '--eval', program], {
      env: { ...process.env, NODE_DEBUG: undefined, ...env },
      encoding: 'utf8',
    })
    t.equal(status, 0)
    const lines = stderr.trimEnd().split('\n')
    const begun = lines.filter((line) => /^\S/.test(line))
    t.equal(begun.length, 'NODE_DEBUG' in env ? 4 : 2)
    for (const line of lines) t.equal(visible(line), line)
  }
})
