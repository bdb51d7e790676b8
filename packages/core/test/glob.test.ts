import { test } from 'tap'
import { globTest } from '../src/glob.js'

test('patterns', async (t) => {
  const cases: [string, string[], string[]][] = [
    ['**', ['a', 'a/b', 'a/b/c', '.x'], []],
    ['*', ['a', '.x'], ['a/b']],
    [
      'group0/*.bin',
      ['group0/1.bin', 'group0/.bin'],
      ['group0/a/1.bin', 'group1/1.bin', 'group0/1.binx', 'xgroup0/1.bin'],
    ],
    ['**/*.bin', ['1.bin', 'a/1.bin', 'a/b/1.bin'], ['1.txt']],
    ['a/**', ['a/b', 'a/b/c'], ['a', 'ab/c']],
    ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/bz']],
    ['frame-????', ['frame-0001'], ['frame-1', 'frame-00/1']],
    ['f[0-3]x', ['f0x', 'f3x'], ['f4x', 'fx']],
    ['f[!0-3]x', ['f4x'], ['f0x', 'f/x']],
    ['{a,b/c}.txt', ['a.txt', 'b/c.txt'], ['c.txt', 'a,b/c.txt']],
    ['a.b', ['a.b'], ['axb']],
    ['a\\*b', ['a*b'], ['axb']],
    ['[x', ['[x'], ['x']],
    ['{x', ['{x'], ['x']],
    ['a|b', ['a|b'], ['a', 'b']],
    ['日?語', ['日本語'], ['日語']],
    ['🚀?', ['🚀🚀'], ['🚀']],
    ['a\nb*', ['a\nbc'], ['a']],
    ['!a', ['!a'], ['b']],
    ['#a', ['#a'], ['a']],
    ['+(a|b)', ['+(a|b)'], ['a', 'aa']],
    ['\\{a,b\\}', ['{a,b}'], ['a']],
    ['a/**/b/**/c', ['a/b/c', 'a/x/b/y/z/c'], ['a/c']],
    ['{**/x,y}', ['x', 'a/x', 'y'], ['a/y']],
  ]
  for (const [pattern, yes, no] of cases) {
    const matches = await globTest(pattern)
    for (const path of yes) t.ok(matches(path), `${pattern} matches ${path}`)
    for (const path of no) t.notOk(matches(path), `${pattern} does not match ${path}`)
  }
})

/** Longest path that there is, in which everything can be found many times. */
const LONG = `${'a/'.repeat(1_899)}a`

test('no pattern takes long, however it was made', async (t) => {
  const patterns = [
    '*a'.repeat(2_000),
    `${'*a'.repeat(2_000)}b`,
    '?'.repeat(4_000),
    '*'.repeat(4_000).replaceAll('**', '*?'),
    `${'**/'.repeat(100)}b`,
    `${'**/*[ab]*/'.repeat(100)}c`,
    `{${'**/*a*a*a*b,'.repeat(90)}b}`,
    '{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}*a*a*a*b',
    '{'.repeat(4_000),
    '[',
    '['.repeat(4_000),
    '[a'.repeat(2_000),
    '('.repeat(4_000),
    '+(a|aa)+',
    '\\'.repeat(4_000),
    '!'.repeat(4_000),
    '',
  ]
  for (const pattern of patterns) {
    const matches = await globTest(pattern)
    for (let i = 0; i < 10; i++) for (const path of [LONG, 'a'.repeat(255), 'a']) matches(path)
    t.pass(pattern.slice(0, 20))
  }
})

test('a pattern that is none, or asks for too much, is an error that names it', async (t) => {
  const bad: [unknown, RegExp][] = [
    ['a'.repeat(4_097), /the pattern 'aaa.* longer than 4096/],
    ['x'.repeat(65_536), /longer/],
    ['{a,b}'.repeat(30), /the pattern '\{a,b\}.*' \(.* more than 256 patterns/],
    ['{1..1000000000}', /more than 256 patterns/],
    [`{${'a,'.repeat(300)}b}`, /more than 256 patterns/],
    ['**.bin', /the pattern '\*\*\.bin' \(\*\* stands between slashes alone/],
    ['{a,x**y}', /alone/],
    ['**/'.repeat(101), /more than 100/],
    [5, /the pattern '5' \(it is no string\)/],
    [null, /no string/],
    [['a'], /no string/],
  ]
  for (const [pattern, message] of bad) {
    await t.rejects(globTest(pattern as string), { code: 'ERR_DYAD_OPTION', message }, String(pattern).slice(0, 20))
  }
})
