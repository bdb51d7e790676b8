import { EventEmitter, once } from 'node:events'
import { test } from 'tap'
import type { KvsClient, KvsEntry } from '../../src/kvs/contract.js'
import { encodeNodeEntry } from '../../src/kvs/node-entry.js'
import type { FileRecord } from '../../src/kvs/record.js'
import { Copies } from '../../src/transfer/copies.js'

const RECORD: FileRecord = {
  path: 'x',
  owner: 'o',
  size: 2 ** 21,
  mtimeNs: 1n,
  mode: 0o644,
  storage: '/p',
  generation: 1,
  epoch: 'one',
}

/** The key under which a session queues up for a copy. */
async function keyFor(record: FileRecord, namespace: string): Promise<string> {
  let asked = ''
  const register = async (key: string) => {
    asked = key
    return { close: async () => {}, lost: new AbortController().signal }
  }
  const copies = new Copies({
    kvs: { register } as unknown as KvsClient,
    namespace,
    key: (path) => path,
    node: 'n',
    storage: '/c',
    leaseTtl: 1_000,
    patience: 1_000,
  })
  await copies.want(record, new AbortController().signal)
  await copies.close()
  return asked
}

test('copies are of one publish alone, also where a store gives its number again', async (t) => {
  const key = await keyFor(RECORD, 'ns')
  t.match(key, /copy/)
  t.equal(await keyFor({ ...RECORD, owner: 'other' }, 'ns'), key)
  const others: Record<string, FileRecord> = {
    epoch: { ...RECORD, epoch: 'two' },
    generation: { ...RECORD, generation: 2 },
    path: { ...RECORD, path: 'y' },
  }
  for (const [what, other] of Object.entries(others)) t.not(await keyFor(other, 'ns'), key, what)
  t.not(await keyFor(RECORD, 'other'), key, 'namespace')
})

/** A store in memory that answers of nodes, and of records, when the test says so. */
class Store {
  readonly entries = new Map<string, KvsEntry>()
  readonly #changes = new EventEmitter()
  readonly watched = once(this.#changes, 'watched')
  answer: (node: KvsEntry | undefined) => void = () => {}
  answerOfRecord: (record: undefined) => void = () => {}
  readonly #node = new Promise<KvsEntry | undefined>((resolve) => {
    this.answer = resolve
  })
  readonly #record = new Promise<undefined>((resolve) => {
    this.answerOfRecord = resolve
  })
  #revision = 0

  readonly register = async (key: string, value: Uint8Array) => {
    const entry = { key, value, revision: ++this.#revision }
    this.entries.set(key, entry)
    this.#changes.emit('change', entry)
    const close = async () => void this.entries.delete(key)
    return { close, [Symbol.asyncDispose]: close, lost: new AbortController().signal }
  }

  readonly namespace = () => ({ get: () => this.#record })

  readonly registry = {
    get: () => this.#node,
    waitFor: async (_node: string, { signal }: { signal: AbortSignal }) => {
      await once(signal, 'abort')
      throw signal.reason
    },
    list: async function* (this: Store, prefix: string) {
      yield* [...this.entries.values()].filter(({ key }) => key.startsWith(prefix))
    }.bind(this),
    watch: async function* (this: Store) {
      const change = once(this.#changes, 'change')
      this.#changes.emit('watched')
      yield await change
    }.bind(this),
  }

  /** The session of a node of which a service serves `/c`. */
  copiesOf(node: string): Copies {
    return new Copies({
      kvs: this as unknown as KvsClient,
      namespace: 'ns',
      key: (path) => path,
      node,
      storage: '/c',
      leaseTtl: 60_000,
      patience: 60_000,
    })
  }

  /** The nodes in the queue. */
  queue(): string[] {
    return [...this.entries.keys()].filter((key) => key.includes(' want ')).map((key) => key.split(' ').at(-1) ?? '')
  }
}

const SERVED = encodeNodeEntry({
  node: 'n1',
  transports: [],
  directories: ['/c'],
  host: 'h',
  pid: 1,
  startedAt: 0,
})

test('a node keeps its place in the queue until others can see its copy', async (t) => {
  const { signal } = new AbortController()
  const store = new Store()
  const [first, second, third] = ['n1', 'n2', 'n3'].map((node) => store.copiesOf(node))
  const [wanted, , last] = [
    await first?.want(RECORD, signal),
    await second?.want(RECORD, signal),
    await third?.want(RECORD, signal),
  ]
  if (wanted === undefined || last === undefined) throw new Error('the store takes every place')
  t.equal((await wanted.source(signal)).owner, 'o')
  first?.offer(wanted, t.testdir())
  await wanted[Symbol.asyncDispose]()
  const next = last.source(signal).then(({ owner }) => owner)
  t.strictSame(await Promise.race([next, store.watched]), [], 'the third waits for a copy')
  store.answer({ key: 'n1', value: SERVED, revision: 1 })
  t.equal(await next, 'n1', 'the place of a node that offers a copy does not count')
  store.answerOfRecord(undefined)
  await first?.close()
  t.strictSame(store.queue(), ['n2', 'n3'])
})

test('a node that no service serves leaves the queue before it waits for one', async (t) => {
  const { signal } = new AbortController()
  const store = new Store()
  const copies = store.copiesOf('n1')
  const wanted = await copies.want(RECORD, signal)
  if (wanted === undefined) throw new Error('the store takes every place')
  copies.offer(wanted, t.testdir())
  await wanted[Symbol.asyncDispose]()
  t.strictSame(store.queue(), ['n1'])
  store.answer(undefined)
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(store.queue(), [])
  await copies.close()
})
