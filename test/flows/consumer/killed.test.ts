import { statSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { isMidway } from '../../harness/midway.js'
import { writeSparse } from '../../harness/sparse.js'

const GIB = 2 ** 30

test('a consumer that is killed midway leaves no file at the path, and the next one gets it whole', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  writeSparse(cluster.path('a', 'big'), GIB, { [GIB - 4]: 'last' })
  await producer.ask('produce', 'big')

  for (const dtlMode of ['rpc', 'local'] as const) {
    const consumerPath = cluster.directory(dtlMode)
    const first = await cluster.consumer({ dtlMode, consumerPath })
    const consuming = first.ask('consume', 'big')
    if (!(await isMidway(first, consuming))) continue
    await Promise.all([first.kill(), t.rejects(consuming)])
    t.notOk(cluster.files(dtlMode).includes('big'), `${dtlMode}: nothing at the path`)
    t.equal(cluster.files(dtlMode).length, 1, 'kill -9 leaves the temporary file')

    const second = await cluster.consumer({ dtlMode, consumerPath })
    const local = await second.ask<string>('consume', 'big')
    t.equal(statSync(local).size, GIB)
    await second.ask('close')
    t.strictSame(cluster.files(dtlMode), ['big'], 'the debris of the first is gone')
  }
})
