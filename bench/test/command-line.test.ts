import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readCommand, UsageError } from '../command-line.js'
import type { Part } from '../part.js'

const PARTS: readonly Part[] = ['rpc', 'md'].map((name) => ({ name, title: name, comparisons: () => [] }))

test('without arguments everything runs, five rounds after one that does not count', async (t) => {
  const command = readCommand([], PARTS)
  t.same(command.parts, PARTS)
  t.match(command, { rounds: 5, warmUps: 1, json: 'bench-results.json', directory: undefined, show: undefined })
  t.match(command.form, { quick: false, concurrency: 2, md: { models: ['JAC', 'ApoA1', 'F1', 'STMV'], frames: 16 } })
})

test('the quick form is one round of everything, and small', async (t) => {
  const command = readCommand(['--quick'], PARTS)
  t.match(command, { parts: PARTS, rounds: 1, warmUps: 0 })
  t.match(command.form, { quick: true, md: { models: ['JAC'], pairs: [1], strides: [1], frames: 4 } })
  t.equal(readCommand(['--quick', '--rounds', '2'], PARTS).rounds, 2)
})

test('parts run alone, each once', async (t) => {
  t.same(
    readCommand(['md', 'md'], PARTS).parts.map(({ name }) => name),
    ['md'],
  )
  t.throws(() => readCommand(['mdd'], PARTS), new UsageError("there is no part 'mdd'; there are rpc, md"))
})

test('all of the workflow can be had', async (t) => {
  const args = [
    '--models=STMV,JAC',
    '--pairs=1,2,4',
    '--strides=1,5,10,50',
    '--frames=128',
    '--dir=/dev/shm',
    '--json=x',
  ]
  const { form, directory, json } = readCommand(args, PARTS)
  t.same(form.md, { models: ['STMV', 'JAC'], pairs: [1, 2, 4], strides: [1, 5, 10, 50], frames: 128 })
  t.same([directory, json], ['/dev/shm', 'x'])
})

test('DYAD in C is taken from where it is installed', async (t) => {
  const prefix = t.testdir()
  t.throws(() => readCommand(['--dyad', prefix], PARTS), new UsageError(`--dyad: there is no ${prefix}/lib/dyad.so`))
  mkdirSync(join(prefix, 'lib'))
  for (const file of ['dyad.so', 'libdyad_wrapper.so']) writeFileSync(join(prefix, 'lib', file), '')
  t.equal(readCommand(['--dyad', prefix], PARTS).form.dyad, prefix)
  t.equal(readCommand([], PARTS).form.dyad, undefined)
})

test('what cannot be understood is refused, and said', async (t) => {
  for (const [args, message] of [
    [['--rounds', '0'], /--rounds: '0'/],
    [['--rounds', '1.5'], /--rounds: '1.5'/],
    [['--pairs', '1,'], /--pairs: ''/],
    [['--models', 'DHFR'], /'DHFR' is none of JAC/],
    [['--fast'], /--fast/],
  ] as const) {
    t.throws(() => readCommand(args, PARTS), message)
    t.throws(() => readCommand(args, PARTS), UsageError)
  }
})

test('help and the list run nothing', async (t) => {
  t.equal(readCommand(['--help'], PARTS).show, 'help')
  t.equal(readCommand(['--list'], PARTS).show, 'list')
})
