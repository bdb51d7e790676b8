import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { ReadAhead } from '../../src/consumer/read-ahead.js'
import type { KvsEntry, KvsNamespace, Lease } from '../../src/kvs/contract.js'
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
  /** Of records that are expected, by path. */
  const leases = new Set<string>()
  const given: string[] = []
  const lease = async (key: string): Promise<Lease> => {
    leases.add(key)
    return {
      entry: await entry(key),
      valid: true,
      [Symbol.dispose]() {
        leases.delete(key)
        given.push(key)
      },
    }
  }
  const namespace = { name: 'flow', get: entry, waitFor: entry, lease } as unknown as KvsNamespace
  const readAhead = new ReadAhead({
    files,
    bytes,
    namespace: () => namespace,
    outage: () => undefined,
    key: (path) => path,
    fetch: (path, _record, signal) => {
      fetched.push(path)
      return new Promise<void>((resolve, reject) => {
        const cut = () => {
          aborted.push(path)
          reject(signal.reason)
        }
        ends.set(path, () => {
          signal.removeEventListener('abort', cut)
          resolve()
        })
        signal.addEventListener('abort', cut)
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
  const opened = new Set<string>()
  return {
    readAhead,
    fetched,
    aborted,
    end,
    async open(...paths: string[]) {
      for (const path of paths) opened.add(path)
      await open(...paths)
    },
    isAhead: (...paths: string[]) => paths.map((path) => leases.has(path)),
    /** Those that were expected, and given up before they were opened. */
    gaveUp: () => given.filter((path) => !opened.has(path)),
  }
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

/** Opens the files of several walks in turns; all that is fetched arrives. */
async function walkSideBySide({ open, end, fetched }: ReturnType<typeof site>, walks: string[], steps: number) {
  for (let step = 1; step <= steps; step++) {
    for (const walk of walks) {
      await open(`${walk}${step}`)
      for (const path of [...fetched]) await end(path)
    }
  }
}

test('walks side by side share the places, and none takes those of another', async (t) => {
  const some = site(4, 1000 * SIZE)
  await walkSideBySide(some, ['a-', 'b-'], 10)
  t.strictSame(some.aborted, [])
  t.strictSame(some.gaveUp(), [], 'what is expected is opened before it is given up')
  t.strictSame(some.isAhead('a-11', 'a-12', 'b-11', 'b-12', 'a-13', 'b-13'), [true, true, true, true, false, false])
  await some.readAhead.close()

  const many = site(4, 1000 * SIZE)
  const walks = Array.from({ length: 16 }, (_, i) => `${String.fromCharCode(97 + i)}-`)
  await walkSideBySide(many, walks, 10)
  t.strictSame(many.gaveUp(), [], 'nor with more walks than places')
  t.equal(many.fetched.length, new Set(many.fetched).size)
  await many.readAhead.close()
})

test('a walk that joins another gets its share', async (t) => {
  const both = site(4, 1000 * SIZE)
  await walkSideBySide(both, ['a-'], 5)
  t.strictSame(both.isAhead('a-6', 'a-7', 'a-8', 'a-9'), [true, true, true, true])
  for (let step = 6; step <= 9; step++) {
    await both.open(`a-${step}`, `b-${step}`)
    for (const path of [...both.fetched]) await both.end(path)
  }
  t.strictSame(both.isAhead('a-10', 'a-11', 'b-10', 'b-11'), [true, true, true, true])
  t.strictSame(both.gaveUp(), [])
  await both.readAhead.close()
})

test('a walk that does not go on leaves its places to one that does', async (t) => {
  const one = site(4, 1000 * SIZE)
  await walkSideBySide(one, ['a-', 'b-'], 5)
  await walkSideBySide(one, ['c-'], 30)
  t.strictSame(one.isAhead('c-31', 'c-32', 'c-33', 'c-34'), [true, true, true, true])
  t.strictSame(one.isAhead('a-6', 'b-6'), [false, false])
  await one.readAhead.close()
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
