/**
 * Record locks of a program: the library opens and closes no file in its process while it has some.
 */
import { test } from 'tap'
import { probe } from './support/probe.js'
import { Site } from './support/site.js'

test('the record locks of a program outlive every call on the locked file', async (t) => {
  const site = await Site.start(t)
  const { status, stdout, stderr } = await site.produce(probe('case-locks'), [site.paths('locked')[0]]).ended
  t.match({ status, stderr }, { status: 0, stderr: '' })
  const lines = stdout.trim().split('\n')
  t.equal(lines.length, 24)
  t.same(
    lines.filter((line) => !line.endsWith(': held')),
    [],
  )
})

test('files that one thread closes are published while another looks for writers of a locked one', async (t) => {
  const site = await Site.start(t)
  const count = 100
  const ended = await site.produce(probe('case-locks'), [site.paths('locked')[0], String(count)]).ended
  t.match(ended, { status: 0, stderr: '' })
  const times = await Promise.all(Array.from({ length: count }, (_, number) => site.published(`locked-${number}`)))
  t.same(times, Array(count).fill(1))
})
