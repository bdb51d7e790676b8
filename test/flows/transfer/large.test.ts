import { closeSync, openSync, readSync, rmSync, statfsSync, statSync } from 'node:fs'
import { freemem } from 'node:os'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { writeSparse } from '../../harness/sparse.js'

const SIZE = 4.5 * 2 ** 30
const MARKS: Record<number, string> = {
  0: 'the first bytes',
  [2 ** 31 - 8]: 'around two GiB',
  [2 ** 32 - 8]: 'around four GiB',
  [SIZE - 14]: 'the last bytes',
}
/** No process holds more than this, in MiB, however large the file is. */
const BOUND = 200

// To write 4.5 GiB to a disk takes its time; where there is room for them, memory does as well.
if (room('/dev/shm') > 2 * SIZE && freemem() > 2 * SIZE) process.env['TMPDIR'] = '/dev/shm'

function room(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 0
  }
}

function at(path: string, position: number, length: number): string {
  const fd = openSync(path, 'r')
  const found = Buffer.alloc(length)
  const read = readSync(fd, found, 0, length, position)
  closeSync(fd)
  return found.toString('latin1', 0, read)
}

test('a file above 4 GiB arrives whole, and no process holds it in memory', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const producer = await cluster.producer()
  writeSparse(cluster.path('a', 'large'), SIZE, MARKS)
  t.match(await producer.ask('produce', 'large'), { size: SIZE })
  for (const dtlMode of ['rpc', 'local'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })
    const local = await consumer.ask<string>('consume', 'large')
    t.equal(statSync(local).size, SIZE, `${dtlMode}: all of it`)
    for (const [position, text] of Object.entries(MARKS)) {
      t.equal(at(local, Number(position), text.length), text, `${dtlMode}: at ${position}`)
    }
    t.equal(at(local, SIZE / 3, 1_000), '\0'.repeat(1_000), 'and nothing in between')
    t.match(consumer.notes('dyad.consumer.stored'), [{ moved: SIZE }])
    const peak = await consumer.ask<number>('peakMiB')
    t.ok(peak < BOUND, `${dtlMode}: the consumer held ${Math.round(peak)} MiB at most`)
    rmSync(local)
  }
  const peak = await a.ask<number>('peakMiB')
  t.ok(peak < BOUND, `the owner held ${Math.round(peak)} MiB at most`)
})
