import type { NodeStatus } from '@dyad-ts/dyad'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import type { TestProcess } from '../../harness/process.js'

test('an open waits, says so, and ends when it is told to, leaving nothing behind', async (t) => {
  const { cluster, a } = await Cluster.start(t)
  const consumer = await cluster.consumer()
  /**
   * Waits in the broker, once it has heard what the consumer said last: the broker answers in turn.
   */
  const waiters = async () => {
    await consumer.ask('lookup', 'nothing')
    return (await a.ask<NodeStatus>('status')).broker?.waiters
  }

  await t.test('it says that it waits, in an event and on a channel', async (t) => {
    const reading = consumer.ask('read', 'told', { abort: 'told' })
    t.equal(await consumer.noted('waiting', (path) => path === 'told'), 'told')
    t.strictSame(consumer.notes('dyad.kvs.waiting'), [{ path: 'told', namespace: 'flow' }])
    t.equal(await waiters(), 1, 'the broker holds the wait')
    await consumer.ask('abort', 'told')
    await t.rejects(reading, { message: 'The operation was aborted', name: 'AbortError' })
    t.equal(await waiters(), 0)
  })

  await t.test('a timeout ends it with an error that names the file', async (t) => {
    for (const op of ['read', 'consume']) {
      await t.rejects(consumer.ask(op, 'dir//late', { timeout: 50 }), {
        code: 'ERR_DYAD_TIMEOUT',
        rc: -2003,
        path: 'dir/late',
        message: /namespace 'flow' 'dir\/late' \(waited 50 ms\)/,
      })
    }
    t.equal(await waiters(), 0)
  })

  await t.test("DYAD_TIMEOUT is every open's timeout", async (t) => {
    const hasty = await cluster.app('B', { consumerPath: cluster.directory('b') }, { DYAD_TIMEOUT: '50' })
    await t.rejects(hasty.ask('read', 'never'), { code: 'ERR_DYAD_TIMEOUT', message: /waited 50 ms/ })
  })

  await t.test("a signal ends it with the signal's reason", async (t) => {
    const consuming = consumer.ask('consume', 'given-up', { abort: 'one' })
    await consumer.noted('waiting', (path) => path === 'given-up')
    await consumer.ask('abort', 'one')
    await t.rejects(consuming, { name: 'Error', message: 'aborted one', code: undefined })
    t.equal(await waiters(), 0)
  })

  await t.test('a process that dies waits no longer', async (t) => {
    const doomed = await cluster.consumer()
    const reading = t.rejects(doomed.ask('read', 'never'), /the process ended/)
    await doomed.noted('waiting')
    await doomed.ask('lookup', 'nothing')
    t.equal(await waiters(), 1)
    await Promise.all([doomed.kill(), reading])
    t.equal(await settled(a, consumer), 0)
  })

  t.strictSame(cluster.files('b'), [], 'nothing of all that is on disk')
})

/**
 * The broker hears of the end of a process through the kernel, in its own time, but before long.
 */
async function settled(a: TestProcess, other: TestProcess): Promise<number | undefined> {
  for (let left = 200; left > 0; left--) {
    await other.ask('lookup', 'nothing')
    const { broker } = await a.ask<NodeStatus>('status')
    if (broker?.waiters === 0) break
  }
  return (await a.ask<NodeStatus>('status')).broker?.waiters
}
