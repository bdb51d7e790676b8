import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { connect, encode, type Link } from '@dyad-ts/wire'
import { test } from 'tap'
import { shakeHands } from '../../../test/harness/raw-link.js'
import { postRequest } from '../src/broker/compact-frames.js'
import { MAX_FRAME_BYTES, toReply } from '../src/broker/frames.js'
import type { CompactRequest, Reply } from '../src/broker/messages.js'
import { brokerKvs } from '../src/index.js'
import { BrokerProcess } from './broker-process.js'

/** A client that sends anything, and keeps the answers. */
class RawClient implements AsyncDisposable {
  readonly replies: Reply[] = []
  #link: Link | undefined
  #heard = () => {}
  #hasEnded = false
  #resolveClosed: (reason: Error | undefined) => void = () => {}
  readonly closed = new Promise<Error | undefined>((resolve) => {
    this.#resolveClosed = resolve
  })

  static async open(url: string): Promise<RawClient> {
    const client = new RawClient()
    client.#link = await connect(url, { maxFrameBytes: MAX_FRAME_BYTES }, () => ({
      message: (bytes) => {
        client.replies.push(toReply(bytes))
        client.#heard()
      },
      closed: (reason) => {
        client.#hasEnded = true
        client.#resolveClosed(reason)
        client.#heard()
      },
    }))
    return client
  }

  /** Sends frames that are not compact. */
  send(...frames: unknown[]): void {
    for (const frame of frames) void this.#link?.send(frame)
  }

  post(request: CompactRequest): void {
    postRequest(request, (bytes, length) => this.#link?.post(bytes, length))
  }

  /** Resolves when the broker has handled all requests so far: it answers later ones later. */
  async answered(id: number): Promise<void> {
    this.post({ op: 'get', id, space: 'ns', key: 'none' })
    await this.heard(1, (reply) => reply.op === 'none' && reply.id === id)
  }

  /** Resolves when `accept` has returned true for so many replies. */
  async heard(count: number, accept: (reply: Reply) => boolean): Promise<void> {
    while (this.replies.filter(accept).length < count) {
      if (this.#hasEnded) throw new Error('the broker hung up')
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link?.terminate()
    await this.closed
  }
}

const isBusy = (reply: Reply) => reply.op === 'error' && reply.code === 'ERR_DYAD_BUSY'
const isEnd = (reply: Reply) => reply.op === 'end'

test('2,000 lists over 100,000 records of one peer do not hold up the others', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  await Promise.all(Array.from({ length: 100_000 }, (_, i) => ns.put(`key/${i}`, Buffer.from('v'))))
  await using hostile = await RawClient.open(broker.url)
  for (let id = 0; id < 2_000; id++) hostile.send({ op: 'list', id, space: 'ns', prefix: 'none', after: 0, epoch: '' })
  await hostile.answered(3_000)
  t.equal(hostile.replies.filter(isBusy).length, 2_000 - 1_024, 'the rest is refused at once')
  t.equal(Buffer.from((await ns.get('key/5'))?.value ?? '').toString(), 'v')
  const ended = hostile.replies.filter(isEnd).length
  t.ok(ended < 1_000, `a get is answered after ${ended} of the lists`)
  let listed = 0
  for await (const _ of ns.list('key/99')) listed++
  t.equal(listed, 1_111, 'a list of another has its turns')
  t.ok(hostile.replies.filter(isEnd).length < 1_024, 'and so have its own')
  t.match(hostile.replies.find(isBusy), { detail: '1024 lists and watches on one connection' })
})

test('a peer may not have any number of waits, and may have more once some have ended', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  await using hostile = await RawClient.open(broker.url)
  for (let id = 0; id < 150_000; id++) hostile.post({ op: 'wait', id, space: 'ns', key: `wait/${id}` })
  await hostile.answered(250_000)
  t.equal(hostile.replies.filter(isBusy).length, 150_000 - 131_072)
  t.equal((await client.stats()).waiters, 131_072)
  for (let id = 0; id < 10; id++) hostile.post({ op: 'cancel', id })
  for (let id = 200_000; id < 200_010; id++) hostile.post({ op: 'wait', id, space: 'ns', key: 'again' })
  await hostile.answered(300_000)
  t.equal(hostile.replies.filter(isBusy).length, 150_000 - 131_072)
  t.equal((await client.stats()).waiters, 131_072)
})

test('waits for long keys are fewer', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  await using hostile = await RawClient.open(broker.url)
  for (let id = 0; id < 10_000; id++) {
    hostile.post({ op: 'wait', id, space: 'ns', key: `${id}/`.padEnd(3_990, 'x') })
  }
  await hostile.answered(20_000)
  t.ok((await client.stats()).waiters <= (64 * 1024 * 1024) / 3_990 / 2)
})

/** Returns the resident memory of a process, in bytes. */
function residentBytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

const skip = process.platform !== 'linux' && 'only Linux tells what memory another process takes'

test('one put that wakes many waits of a peer that does not read takes little memory', { skip }, async (t) => {
  const WAITS = 300
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  const socket = connectSocket(Number(new URL(broker.url).port), '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  await shakeHands(socket)
  socket.pause()
  const { bytesRead } = socket
  for (let id = 0; id < WAITS; id++) {
    postRequest({ op: 'wait', id, space: 'ns', key: 'key' }, (bytes, length) => {
      // The mask is zero.
      socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | length, 0, 0, 0, 0]), bytes.subarray(0, length)]))
    })
  }
  while ((await client.stats()).waiters < WAITS);
  const before = residentBytes(broker.pid)
  const value = Buffer.alloc(1024 * 1024)
  await ns.put('key', value)
  t.equal((await ns.get('key'))?.value.length, value.length)
  const grown = residentBytes(broker.pid) - before
  t.ok(grown < (WAITS / 3) * value.length, `the broker grew by ${Math.round(grown / value.length)} MiB`)
  const answered = new Promise<void>((resolve) => {
    socket.on('data', () => {
      if (socket.bytesRead > bytesRead + WAITS * value.length) resolve()
    })
  })
  socket.resume()
  await answered
  t.pass('and once it reads it gets all answers')
  socket.destroy()
})

test('registrations are bounded, and make room when they end', async (t) => {
  await using broker = await BrokerProcess.start()
  await using hostile = await RawClient.open(broker.url)
  const value = Buffer.alloc(1024 * 1024)
  const register = (id: number) => {
    const request = {
      op: 'register',
      id,
      key: `node/${id}`,
      value,
      ttl: 60_000,
      instance: `${id}`,
      since: 0,
      epoch: '',
      former: 0,
    }
    hostile.send({ ...request, takeover: false })
  }
  const isDone = ({ op }: Reply) => op === 'done'
  const isAnswer = (reply: Reply) => isDone(reply) || isBusy(reply)
  for (let id = 0; id < 70; id++) register(id)
  await hostile.heard(70, isAnswer)
  t.equal(hostile.replies.filter(isDone).length, 63)
  hostile.send({ op: 'unregister', id: 100, key: 'node/3', instance: '3' })
  register(101)
  register(102)
  await hostile.heard(73, isAnswer)
  t.equal(hostile.replies.filter(isDone).length, 63 + 2, 'the end of one makes room for another')
})

test('a frame with more values than any request has is refused, and not built', async (t) => {
  await using broker = await BrokerProcess.start()
  const many = Array.from({ length: 60_000 }, (_, i) => [`f${i.toString(36)}`, i] as const)
  const frames = {
    'a large map in an unknown field': { op: 'stats', id: 1, unknown: Object.fromEntries(many) },
    'many unknown fields': { op: 'stats', id: 1, ...Object.fromEntries(many) },
    'a large array in an unknown field': { op: 'stats', id: 1, unknown: many.map(([, i]) => i) },
  }
  for (const [name, frame] of Object.entries(frames)) {
    await using hostile = await RawClient.open(broker.url)
    hostile.send(encode(frame))
    hostile.send({ op: 'stats', id: 2 })
    await Promise.race([hostile.closed, hostile.heard(1, ({ op }) => op === 'stats')])
    t.notOk(
      hostile.replies.some(({ op }) => op === 'stats'),
      name,
    )
  }
  await using client = brokerKvs({ url: broker.url })
  t.equal((await client.stats()).links, 1, 'others are served')
})

test('a peer that uses one id twice breaks no put of another', async (t) => {
  await using broker = await BrokerProcess.start()
  await using client = brokerKvs({ url: broker.url })
  await client.createNamespace('ns')
  const ns = client.namespace('ns')
  await ns.put('there', Buffer.from('v'))
  await using hostile = await RawClient.open(broker.url)
  const isRefused = (reply: Reply) => reply.op === 'error' && reply.code === 'ERR_DYAD_PROTOCOL'
  hostile.post({ op: 'lease', id: 1, space: 'ns', key: 'there' })
  hostile.post({ op: 'wait-lease', id: 1, space: 'ns', key: 'later' })
  hostile.post({ op: 'wait-lease', id: 2, space: 'ns', key: 'later' })
  hostile.post({ op: 'lease', id: 2, space: 'ns', key: 'there' })
  hostile.post({ op: 'get', id: 3, space: 'ns', key: 'none' })
  await hostile.heard(1, ({ op }) => op === 'none')
  await ns.put('later', Buffer.from('v'))
  t.ok(await ns.get('later'))
  t.same(
    hostile.replies.filter(isRefused).map((reply) => 'id' in reply && reply.id),
    [1, 2],
    'both are refused at once',
  )
})
