/**
 * Each call that the library covers, by a program of its own: consumed on node B before it is
 * produced on node A.
 */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { probe, probeNames } from './support/probe.js'
import { Site } from './support/site.js'

test('every call that opens, writes or closes a file takes part', async (t) => {
  const site = await Site.start(t)
  for (const name of probeNames()) {
    await t.test(name, async (t) => {
      const program = probe(name)
      const args = ['consume', site.cluster.path('b', name)]
      // What is never published fails its probe, and does not hold up the others.
      const consumer = site.consume(program, args, { DYAD_TIMEOUT: '20000', DYAD_STAT: 'wait' })
      const early = await Promise.race([site.waiting(name).then(() => undefined), consumer.ended])
      t.equal(early, undefined, 'the consumer waits')
      const produced = await site.produce(program, ['produce', site.cluster.path('a', name)]).ended
      t.match(produced, { status: 0, stderr: '' })
      const text = `the text of ${name}\n`
      t.match(await consumer.ended, { status: 0, stderr: '', stdout: text })
      t.equal(readFileSync(site.cluster.path('b', name), 'latin1'), text)
    })
  }
})
