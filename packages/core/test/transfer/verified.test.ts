import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { test } from 'tap'
import type { Arrival } from '../../src/consumer/arrival.js'
import { IncomingFile } from '../../src/consumer/incoming-file.js'
import { DyadError } from '../../src/errors.js'
import { digestOf } from '../../src/files/digest.js'
import { DiskPace } from '../../src/files/disk-pace.js'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import type { KvsReader } from '../../src/kvs/contract.js'
import { encodeNodeEntry } from '../../src/kvs/node-entry.js'
import type { FileRecord } from '../../src/kvs/record.js'
import type { FetchRequest, Transfer, Transport } from '../../src/transfer/contract.js'
import { Nodes } from '../../src/transfer/nodes.js'
import { type PullContext, pull, type Sources } from '../../src/transfer/pull.js'

const CONTENT = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * i) % 253))
const RECORD: FileRecord = {
  path: 'x',
  owner: 'A',
  size: CONTENT.length,
  mtimeNs: 1n,
  mode: 0o644,
  storage: '/a',
  generation: 1,
  digest: digestOf(CONTENT),
}
const COPY: FileRecord = { ...RECORD, owner: 'B' }
const STEP = 700_000

/** How the bytes of one transfer come. */
type How = 'in chunks' | 'in place' | 'copied within this process' | 'copied by the system'

interface Way {
  readonly how: How
  /** Where a bit is flipped. */
  readonly flipAt?: number
  /** Where it is cut off. */
  readonly cutAt?: number
}

/**
 * A transport whose transfers go one way after the other; `asked` notes whom, and from where on.
 */
function double(ways: readonly Way[]): Transport & { readonly asked: string[] } {
  const left = [...ways]
  const asked: string[] = []
  const close = async () => {}
  const fetch = async (address: string, { start = 0, end = 0 }: FetchRequest): Promise<Transfer> => {
    const { how, flipAt, cutAt = end } = left.shift() as Way
    asked.push(`${address} ${start}`)
    const content = Buffer.from(CONTENT)
    if (flipAt !== undefined) content.writeUInt8(content.readUInt8(flipAt) ^ 4, flipAt)
    const chunks = async function* () {
      for (let at = start; at < cutAt; at += STEP) yield content.subarray(at, Math.min(cutAt, at + STEP))
      if (cutAt < end) throw new DyadError('ERR_DYAD_TRANSFER', { detail: 'cut off' })
      return undefined
    }
    const receiveInto = async function* (fd: number, position: number) {
      let place = position
      for await (const chunk of chunks()) {
        place += writeSync(fd, chunk, 0, undefined, place)
        yield chunk.length
      }
    }
    const copyTo = async (fd: number, passed?: (bytes: Uint8Array) => void) => {
      let place = 0
      for await (const chunk of chunks()) {
        place += writeSync(fd, chunk, 0, undefined, place)
        if (how === 'copied within this process') passed?.(chunk)
      }
    }
    return {
      size: end - start,
      [Symbol.asyncIterator]: () => chunks() as AsyncIterator<Uint8Array, undefined>,
      ...(how === 'in place' && { receiveInto }),
      ...(how.startsWith('copied') && { copyTo }),
      close,
      [Symbol.asyncDispose]: close,
    }
  }
  return {
    name: 'double',
    asked,
    serve: () => Promise.reject(new Error('nobody serves')),
    obstacle: async () => undefined,
    fetch,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function contextOf(transport: Transport): PullContext {
  const entryOf = (node: string) =>
    encodeNodeEntry({
      node,
      transports: [{ name: 'double', address: node }],
      directories: ['/a'],
      host: 'h',
      pid: 1,
      startedAt: 0,
    })
  const registry = {
    get: async (key: string) => ({ key, value: entryOf(key), revision: 1 }),
    waitFor: async (key: string) => ({ key, value: entryOf(key), revision: 1 }),
  } as unknown as KvsReader
  return {
    nodes: new Nodes({ registry, outage: undefined }),
    transports: [transport],
    mode: 'auto',
    ownerTimeout: 10_000,
    progressTimeout: 10_000,
    leastRate: 0,
  }
}

interface Pulled {
  readonly transport: Transport & { readonly asked: string[] }
  readonly arrivals: Arrival[]
  readonly error: unknown
}

async function pullTo(
  root: string,
  ways: readonly Way[],
  { pace = new DiskPace(), sources }: { pace?: DiskPace; sources?: Sources } = {},
): Promise<Pulled> {
  const transport = double(ways)
  const arrivals: Arrival[] = []
  const place = { temporaries: new Temporaries(), pace, parents: new StoringParents(root) }
  await using incoming = IncomingFile.beside(`${root}/x`, place, RECORD, (arrival) => arrivals.push(arrival))
  try {
    await pull(RECORD, incoming, contextOf(transport), new AbortController().signal, sources)
    await incoming.putInPlace({ permitted: async () => {}, isPermitted: true })
    return { transport, arrivals, error: undefined }
  } catch (error) {
    return { transport, arrivals, error }
  }
}

const HOWS: How[] = ['in chunks', 'in place', 'copied within this process', 'copied by the system']
const PLACES = [0, STEP * 2 + 5, CONTENT.length - 1]

for (const how of HOWS) {
  test(`what does not fit is fetched anew, and once only: ${how}`, async (t) => {
    for (const flipAt of PLACES) {
      const anew = await pullTo(t.testdir(), [{ how, flipAt }, { how }])
      t.equal(anew.error, undefined)
      t.ok(readFileSync(`${t.testdirName}/x`).equals(CONTENT))
      t.strictSame(anew.transport.asked, ['A 0', 'A 0'])
      if (!how.startsWith('copied')) t.match(anew.arrivals[0], { anew: undefined })
      t.match(anew.arrivals.at(-1), { stored: CONTENT.length, anew: { code: 'ERR_DYAD_CORRUPT' } })

      const never = await pullTo(t.testdir(), [
        { how, flipAt },
        { how, flipAt },
      ])
      t.match(never.error, { code: 'ERR_DYAD_CORRUPT', path: 'x', node: 'A', message: /crc32 [\da-f]{8} instead of/ })
      t.strictSame(never.transport.asked, ['A 0', 'A 0'])
      t.strictSame(readdirSync(t.testdirName), [])
    }
  })

  test(`the last bytes are told of only once all of them fit: ${how}`, async (t) => {
    const { arrivals } = await pullTo(t.testdir(), [
      { how, flipAt: 3 },
      { how, flipAt: 3 },
    ])
    const end = ({ stored, next }: Arrival) => stored + (next?.length ?? 0)
    t.ok(arrivals.every((arrival) => end(arrival) < CONTENT.length))
  })
}

test('a transfer that goes on in another way is verified over both', async (t) => {
  for (const [first, second] of [
    ['in chunks', 'in place'],
    ['in place', 'in chunks'],
  ] as const) {
    const cut = { how: first, cutAt: STEP * 2 }
    const good = await pullTo(t.testdir(), [cut, { how: second }])
    t.equal(good.error, undefined)
    t.strictSame(good.transport.asked, ['A 0', `A ${STEP * 2}`])
    const bad = await pullTo(t.testdir(), [{ ...cut, flipAt: 7 }, { how: second }, { how: first }])
    t.equal(bad.error, undefined)
    t.strictSame(bad.transport.asked, ['A 0', `A ${STEP * 2}`, 'A 0'], 'from its beginning')
    t.ok(readFileSync(`${t.testdirName}/x`).equals(CONTENT))
  }
})

test('a slow disk behind which bytes are written changes nothing', async (t) => {
  let now = 0
  const pace = new DiskPace(20, () => now)
  pace.time(() => {
    now = 100
  })
  t.equal(pace.isSlow, true)
  const how = 'in chunks'
  const anew = await pullTo(t.testdir(), [{ how, flipAt: CONTENT.length - 1 }, { how }], { pace })
  t.equal(anew.error, undefined)
  t.ok(readFileSync(`${t.testdirName}/x`).equals(CONTENT))
})

test('a copy that does not fit is left for the owner, who is asked twice at most', async (t) => {
  const how = 'in chunks'
  const cases: [ways: Way[], asked: string[], code: string | undefined][] = [
    [[{ how, flipAt: 1 }, { how }], ['B 0', 'A 0'], undefined],
    [[{ how, flipAt: 1 }, { how, flipAt: 2 }, { how }], ['B 0', 'A 0', 'A 0'], undefined],
    [
      [
        { how, flipAt: 1 },
        { how, flipAt: 2 },
        { how, flipAt: 3 },
      ],
      ['B 0', 'A 0', 'A 0'],
      'ERR_DYAD_CORRUPT',
    ],
  ]
  for (const [ways, asked, code] of cases) {
    const failed: string[] = []
    const sources = { source: async () => COPY, failed: ({ owner }: FileRecord) => void failed.push(owner) }
    const { transport, error } = await pullTo(t.testdir(), ways, { sources })
    t.strictSame(transport.asked, asked)
    t.strictSame(failed, ['B'])
    t.match(error, code === undefined ? undefined : { code, node: 'A' })
  }
})

test('a file without bytes has a digest like others', async (t) => {
  const root = t.testdir()
  const place = { temporaries: new Temporaries(), pace: new DiskPace(), parents: new StoringParents(root) }
  for (const [value, code] of [
    ['00000000', undefined],
    ['00000001', 'ERR_DYAD_CORRUPT'],
  ] as const) {
    const record = { ...RECORD, size: 0, digest: { algorithm: 'crc32', value } }
    await using incoming = IncomingFile.beside(`${root}/${value}`, place, record, () => {})
    const placed = incoming.putInPlace({ permitted: async () => {}, isPermitted: true })
    if (code === undefined) await placed
    else await t.rejects(placed, { code })
    t.equal(existsSync(`${root}/${value}`), code === undefined)
  }
})
