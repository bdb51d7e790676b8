import { test } from 'tap'
import { Sequence } from '../../src/consumer/sequence.js'

const walk = (sequence: Sequence, paths: string[], most = 4) => paths.map((path) => sequence.opened(path, most).paths)

test('a numbered walk is followed from its second step on, further and further', async (t) => {
  t.strictSame(walk(new Sequence(), ['f-0008', 'f-0009', 'f-0010', 'f-0011']), [
    [],
    ['f-0010', 'f-0011'],
    ['f-0011', 'f-0012', 'f-0013', 'f-0014'],
    ['f-0012', 'f-0013', 'f-0014', 'f-0015'],
  ])
})

test('at any stride, backwards too, and no further than zero', async (t) => {
  t.strictSame(walk(new Sequence(), ['d5.txt', 'd10.txt']).at(-1), ['d15.txt', 'd20.txt'])
  t.strictSame(walk(new Sequence(), ['d7', 'd5', 'd3']).at(-1), ['d1'])
  t.strictSame(walk(new Sequence(), ['d1', 'd2', 'd9', 'd2', 'd4']).at(-1), ['d6', 'd8'], 'a new stride begins anew')
})

test('whichever number of the path it is', async (t) => {
  t.strictSame(walk(new Sequence(), ['run3/step1/x.nc', 'run3/step2/x.nc'], 1).at(-1), ['run3/step3/x.nc'])
  t.strictSame(walk(new Sequence(), ['g1/f7', 'g2/f7', 'g3/f7'], 2).at(-1), ['g4/f7', 'g5/f7'])
})

test('walks side by side do not disturb each other', async (t) => {
  t.strictSame(walk(new Sequence(), ['a1', 'b50', 'a2', 'b40', 'a3'], 1).slice(2), [['a3'], ['b30'], ['a4']])
})

test('what followed a name the last time is expected to follow it again', async (t) => {
  const sequence = new Sequence()
  walk(sequence, ['grid', 'wind', 'rain'])
  t.strictSame(sequence.opened('grid', 4).paths, ['wind', 'rain'])
  t.strictSame(sequence.opened('wind', 1).paths, ['rain'])
  walk(sequence, ['snow', 'grid'])
  t.strictSame(sequence.opened('wind', 4).paths, ['snow', 'grid'], 'the last time counts')
})

test('one name over and over, and names without an end, are no pattern', async (t) => {
  t.strictSame(walk(new Sequence(), ['x', 'x', 'x', 'f1', 'f1', 'f1']), [[], [], [], [], [], []])
  t.strictSame(walk(new Sequence(), ['9'.repeat(16), '9'.repeat(17)]), [[], []])
  t.strictSame(walk(new Sequence(), [`d${Number.MAX_SAFE_INTEGER - 1}`, `d${Number.MAX_SAFE_INTEGER}`]).at(-1), [])
})

test('of many patterns the oldest are forgotten', async (t) => {
  const sequence = new Sequence()
  sequence.opened('old1', 1)
  for (let i = 0; i < 300; i++) sequence.opened(`${'x'.repeat(i)}y1`, 1)
  t.strictSame(sequence.opened('old2', 1).paths, [])
  t.strictSame(sequence.opened('old3', 1).paths, ['old4'])
})

test('a walk is due after a few times what came between its last steps', async (t) => {
  const due = (paths: string[]) => {
    const sequence = new Sequence()
    let last = sequence.opened('other', 1)
    for (const path of paths) last = sequence.opened(path, 1)
    return { walk: last.walk, left: last.due - last.now }
  }
  const alone = due(['a1', 'a2', 'a3'])
  const amongOthers = due(['a1', 'b1', 'c1', 'd1', 'a2', 'b2', 'c2', 'd2', 'a3'])
  t.equal(amongOthers.walk, alone.walk)
  t.equal(amongOthers.left - alone.left, 4 * (4 - 1))
  t.strictSame(due(['a1', 'b1', 'c1', 'd1', 'a2', 'a2', 'a2']), amongOthers, 'the same file again is no step')
})
