import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { ReadAhead } from '../../src/consumer/read-ahead.js'
import type { KvsEntry, KvsNamespace } from '../../src/kvs/contract.js'
import { encodeRecord } from '../../src/kvs/record.js'

const SIZE = 100

/** Every name is published, with 100 bytes; what is fetched ends at the test's word. */
function site(files: number, bytes: number) {
  const fetched: string[] = []
  const aborted: string[] = []
  const ends = new Map<string, () => void>()
  const entry = async (key: string): Promise<KvsEntry> => {
    const record = { path: key, owner: 'A', size: SIZE, mtimeNs: 1n, mode: 0o644, storage: '/a' }
    return { key, value: encodeRecord(record), revision: 1 }
  }
  const namespace = { name: 'flow', get: entry, waitFor: entry } as unknown as KvsNamespace
  const readAhead = new ReadAhead({
    files,
    bytes,
    namespace: () => namespace,
    outage: () => undefined,
    key: (path) => path,
    fetch: (path, _record, signal) => {
      fetched.push(path)
      return new Promise<void>((resolve, reject) => {
        ends.set(path, resolve)
        signal.addEventListener('abort', () => {
          aborted.push(path)
          reject(signal.reason)
        })
      })
    },
  })
  const end = async (path: string) => {
    ends.get(path)?.()
    await turn()
  }
  const open = async (...paths: string[]) => {
    for (const path of paths) {
      readAhead.take(path)
      readAhead.follow(path)
    }
    await turn()
  }
  return { readAhead, fetched, aborted, end, open }
}

test('two are fetched at a time, and never more bytes than the bound before they are opened', async (t) => {
  const { readAhead, fetched, end, open } = site(8, 3 * SIZE)
  await open('1', '2', '3')
  t.strictSame(fetched, ['4', '5'], 'two at a time')
  await end('4')
  t.strictSame(fetched, ['4', '5', '6'])
  await end('5')
  await end('6')
  t.strictSame(fetched, ['4', '5', '6'], 'the bound is reached')
  await open('4')
  t.strictSame(fetched, ['4', '5', '6', '7'], 'who opens one makes room for the next')
  await readAhead.close()
})

test('a single file may have more bytes than the bound', async (t) => {
  const { readAhead, fetched, end, open } = site(8, 1)
  await open('1', '2', '3')
  await end('4')
  t.strictSame(fetched, ['4'])
  await open('4')
  t.strictSame(fetched, ['4', '5'])
  await readAhead.close()
})

test('one that is opened while it is fetched goes on, for who opens it to join; what is expected no longer ends', async (t) => {
  const { readAhead, aborted, end, open } = site(2, 100 * SIZE)
  await open('1', '2', '3')
  await open('4')
  t.strictSame(aborted, [])
  await open('900', '910', '920')
  t.strictSame(aborted, ['5'])
  await end('4')
  await readAhead.close()
})

test('a list whose next path does not come is left when the signal fires', async (t) => {
  const { readAhead } = site(8, SIZE)
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<string>>(() => {}) }) }
  const control = new AbortController()
  const fetching = readAhead.fetchAll(never, control.signal)
  control.abort(new RangeError('enough'))
  await t.rejects(fetching, { message: 'enough' })
})
