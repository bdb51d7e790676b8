import { readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'tap'
import { IncomingFile } from '../../src/consumer/incoming-file.js'
import { DyadError, isDyadError } from '../../src/errors.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { KvsReader } from '../../src/kvs/contract.js'
import { encodeNodeEntry } from '../../src/kvs/node-entry.js'
import type { FetchRequest, Transfer, Transport } from '../../src/transfer/contract.js'
import { Nodes } from '../../src/transfer/nodes.js'
import { type PullContext, pull } from '../../src/transfer/pull.js'

const CONTENT = Buffer.from('the content of a file')
const RECORD = { path: 'x', owner: 'A', size: CONTENT.length, mtimeNs: 1n, mode: 0o644, storage: '/a', generation: 1 }
const CUT_OFF = new DyadError('ERR_DYAD_TRANSFER', { detail: 'cut off' })

/** How one transfer goes: what comes in which steps, and the error that ends it early. */
interface Way {
  readonly inPlace: boolean
  readonly steps: readonly number[]
  readonly error?: Error
  /** What it fails with instead of beginning. */
  readonly failure?: Error
  /** What copying the whole file fails with. */
  readonly copyFailure?: Error
}

/**
 * A transport whose transfers go one way after the other; `asked` notes from where on each was
 * asked for.
 */
function double(ways: readonly Way[]): Transport & { readonly asked: number[]; readonly closed: number[] } {
  const left = [...ways]
  const asked: number[] = []
  const closed: number[] = []
  const close = async () => {}
  const fetch = async (_address: string, { start = 0, end = 0 }: FetchRequest): Promise<Transfer> => {
    const { inPlace, steps, error, failure, copyFailure } = left.shift() as Way
    asked.push(start)
    if (failure !== undefined) throw failure
    let at = start
    const chunks = async function* () {
      for (const length of steps) {
        yield CONTENT.subarray(at, at + length)
        at += length
      }
      if (error !== undefined) throw error
      return undefined
    }
    const receiveInto = async function* (fd: number, position: number) {
      let place = position
      for await (const chunk of chunks()) {
        writeSync(fd, chunk, 0, undefined, place)
        place += chunk.length
        yield chunk.length
      }
    }
    const ended = async () => void closed.push(start)
    return {
      size: end - start,
      [Symbol.asyncIterator]: () => chunks() as AsyncIterator<Uint8Array, undefined>,
      ...(inPlace && { receiveInto }),
      ...(copyFailure && { copyTo: () => Promise.reject(copyFailure) }),
      close: ended,
      [Symbol.asyncDispose]: ended,
    }
  }
  return {
    name: 'double',
    asked,
    closed,
    serve: () => Promise.reject(new Error('nobody serves')),
    obstacle: async () => undefined,
    fetch,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function contextOf(transport: Transport): PullContext {
  const value = encodeNodeEntry({
    node: 'A',
    transports: [{ name: 'double', address: 'there' }],
    directories: ['/a'],
    host: 'h',
    pid: 1,
    startedAt: 0,
  })
  const find = async (key: string) => (key === 'A' ? { key, value, revision: 1 } : undefined)
  const waitFor = async (key: string, { signal }: { signal: AbortSignal }) => {
    const found = await find(key)
    return found ?? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const registry = { get: find, waitFor } as unknown as KvsReader
  return {
    nodes: new Nodes({ registry, outage: undefined }),
    transports: [transport],
    mode: 'auto',
    ownerTimeout: 10_000,
    progressTimeout: 10_000,
    leastRate: 1_024,
  }
}

for (const { what, ways, asked } of [
  { what: 'at one go', ways: [{ inPlace: true, steps: [10, 11] }], asked: [0] },
  {
    what: 'and goes on in place where it was cut off',
    ways: [
      { inPlace: true, steps: [4, 3], error: CUT_OFF },
      { inPlace: true, steps: [14] },
    ],
    asked: [0, 7],
  },
  {
    what: 'and goes on in chunks',
    ways: [
      { inPlace: true, steps: [4], error: CUT_OFF },
      { inPlace: false, steps: [10, 7] },
    ],
    asked: [0, 4],
  },
  {
    what: 'after chunks',
    ways: [
      { inPlace: false, steps: [4], error: CUT_OFF },
      { inPlace: true, steps: [10, 7] },
    ],
    asked: [0, 4],
  },
]) {
  test(`a transfer puts a file in place by itself ${what}`, async (t) => {
    const target = `${t.testdir()}/x`
    const stored: number[] = []
    const transport = double(ways)
    const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(dirname(target)) }
    {
      await using incoming = IncomingFile.beside(target, place, RECORD, (arrival) => stored.push(arrival.stored))
      t.equal(await pull(RECORD, incoming, contextOf(transport), new AbortController().signal), RECORD.size)
      await incoming.putInPlace({ permitted: async () => {}, isPermitted: true })
    }
    t.strictSame(readFileSync(target), CONTENT)
    t.strictSame(transport.asked, asked)
    t.strictSame(transport.closed, asked, 'each is closed before the next begins')
    const steps = ways.flatMap((way) => way.steps)
    let sum = 0
    const sums = steps.map((step) => {
      sum += step
      return sum
    })
    t.strictSame(
      [...new Set(stored)].filter((count) => count > 0),
      sums,
      'every step is told of',
    )
  })
}

test('what the file system refuses is told of as what it is, and final', async (t) => {
  const full = Object.assign(new Error('posix_fallocate: ENOSPC'), { code: 'ENOSPC' })
  const transport = double([{ inPlace: true, steps: [4], error: full }])
  const target = `${t.testdir()}/x`
  const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(dirname(target)) }
  await using incoming = IncomingFile.beside(target, place, RECORD, () => {})
  try {
    await pull(RECORD, incoming, contextOf(transport), new AbortController().signal)
    t.fail('it went on')
  } catch (error) {
    t.ok(isDyadError(error, 'ERR_DYAD_STORE'))
    t.match((error as Error).message, /posix_fallocate: ENOSPC/)
  }
  t.strictSame(transport.asked, [0])
})

test('a shortage of descriptors is for the caller to wait out, or between two transfers one more pause', async (t) => {
  const shortage = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  for (const failure of [shortage, new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { cause: shortage })]) {
    const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(t.testdir()) }
    const { signal } = new AbortController()
    const none = double([{ inPlace: false, steps: [], failure }])
    {
      await using incoming = IncomingFile.beside(`${t.testdirName}/x`, place, RECORD, () => {})
      await t.rejects(pull(RECORD, incoming, contextOf(none), signal), failure, 'it holds nothing while it waits')
      t.strictSame(none.asked, [0])
    }
    const midway = double([
      { inPlace: false, steps: [4], error: CUT_OFF },
      { inPlace: false, steps: [], failure },
      { inPlace: false, steps: [17] },
    ])
    await using incoming = IncomingFile.beside(`${t.testdirName}/x`, place, RECORD, () => {})
    t.equal(await pull(RECORD, incoming, contextOf(midway), signal), RECORD.size)
    t.strictSame(midway.asked, [0, 4, 4])
    const copied = double([{ inPlace: false, steps: [10, 11], copyFailure: failure }])
    await using another = IncomingFile.beside(`${t.testdirName}/y`, place, RECORD, () => {})
    t.equal(await pull(RECORD, another, contextOf(copied), signal), RECORD.size, 'its bytes come without one more')
    t.strictSame(copied.asked, [0])
  }
})

test('while the owner is not registered its copies are asked for again, and a holder that is not is passed over', async (t) => {
  const target = `${t.testdir()}/x`
  const transport = double([{ inPlace: true, steps: [21] }])
  const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(dirname(target)) }
  const record = { ...RECORD, owner: 'away' }
  const left = [record, { ...RECORD, owner: 'no service' }, RECORD]
  const failed: string[] = []
  const sources = {
    source: async () => left.shift() as typeof record,
    failed: ({ owner }: { owner: string }) => void failed.push(owner),
  }
  await using incoming = IncomingFile.beside(target, place, record, () => {})
  const { signal } = new AbortController()
  t.equal(await pull(record, incoming, contextOf(transport), signal, sources), record.size)
  t.strictSame(left, [])
  t.strictSame(failed, ['no service'])
})
