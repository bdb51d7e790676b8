import { truncateSync } from 'node:fs'
import { test } from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { digestOf } from '../../harness/contents.js'
import type { Reading } from '../../harness/halting-reader.js'
import { pausedReading } from '../../harness/midway.js'
import type { RemoteError } from '../../harness/process.js'

const SIZE = 24 * 2 ** 20
const WHOLE = { size: SIZE, sha256: digestOf(SIZE, 1), standing: SIZE }

test('a file that is published anew while it is read gives the old version or an error, never a mixture', async (t) => {
  const { cluster } = await Cluster.start(t)
  const producer = await cluster.producer()
  for (const dtlMode of ['rpc', 'local'] as const) {
    const consumer = await cluster.consumer({ dtlMode, consumerPath: cluster.directory(dtlMode) })
    /**
     * Reads, with `change` made when the first bytes were read: the digest or the code of the
     * error, and whether the whole file had been there before.
     */
    const reread = async (path: string, change: () => unknown) => {
      await producer.ask('write', path, SIZE, 1)
      const { reading } = await pausedReading(consumer, path)
      // Where the file system clones, a copy may end before a byte is read.
      const wasThere = cluster.files(dtlMode).includes(path)
      await change()
      consumer.unblock()
      const outcome = await reading.then(
        ({ sha256 }) => sha256,
        ({ code }: RemoteError) => code,
      )
      return { outcome, wasThere }
    }

    const { outcome } = await reread('replaced', () => producer.ask('write', 'replaced', SIZE, 2))
    t.ok(outcome === WHOLE.sha256 || outcome === 'ERR_DYAD_CHANGED', `${dtlMode}, replaced: ${outcome}`)
    t.match(
      await consumer.ask('read', 'replaced'),
      { sha256: digestOf(SIZE, 2) },
      'whoever opens it then reads the new',
    )

    const changes = {
      rewritten: (path: string) => producer.ask('write', path, SIZE, 2, { flags: 'r+' }),
      appended: (path: string) => producer.ask('write', path, 1_000, 2, { flags: 'a' }),
      truncated: (path: string) => truncateSync(cluster.path('a', path), SIZE / 2),
    }
    for (const [path, change] of Object.entries(changes)) {
      const { outcome, wasThere } = await reread(path, () => change(path))
      t.equal(outcome, wasThere ? WHOLE.sha256 : 'ERR_DYAD_CHANGED', `${dtlMode}, ${path}`)
      t.equal(consumer.notes('end').includes(path), wasThere, 'an error is no end')
      t.strictSame(cluster.files(dtlMode).includes(path), wasThere, 'and leaves no file')
    }
    t.strictSame(
      cluster.files(dtlMode).filter((name) => name.startsWith('.dyad-')),
      [],
    )
  }
})

test("over the local transport a reader begins at the owner's file, and goes on in the copy", async (t) => {
  const { cluster } = await Cluster.start(t)
  const [producer, consumer] = await Promise.all([cluster.producer(), cluster.consumer({ dtlMode: 'local' })])
  await producer.ask('write', 'early', SIZE, 1)
  const { reading } = await pausedReading(consumer, 'early')
  if (cluster.files('b').includes('early')) t.comment('copied at once')
  else t.match(cluster.files('b'), [/^\.dyad-/], 'its first bytes are read before the copy stands at its path')
  consumer.unblock()
  t.strictSame(await reading, WHOLE)

  await producer.ask('write', 'slow', SIZE, 1)
  const slow = consumer.ask<Reading>('readHalting', 'slow', { haltAt: 1 })
  await consumer.noted('halted')
  await consumer.noted<{ record: { path: string } }>('dyad.consumer.stored', ({ record }) => record.path === 'slow')
  await producer.ask('write', 'slow', SIZE, 2, { flags: 'r+' })
  await consumer.ask('proceedReading', 'slow')
  t.strictSame(await slow, WHOLE, "what was written to the owner's file since is not read")
  t.match(await consumer.ask('read', 'slow'), { sha256: digestOf(SIZE, 2) }, 'but by whoever opens it then')
})
