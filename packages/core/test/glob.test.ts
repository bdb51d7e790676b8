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
  ]
  for (const [pattern, yes, no] of cases) {
    const matches = globTest(pattern)
    for (const path of yes) t.ok(matches(path), `${pattern} matches ${path}`)
    for (const path of no) t.notOk(matches(path), `${pattern} does not match ${path}`)
  }
})
