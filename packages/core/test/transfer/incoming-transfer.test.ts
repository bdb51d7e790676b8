import { test } from 'tap'
import { IncomingTransfer, type LiveTransfers } from '../../src/transfer/incoming-transfer.js'

/** Hands out bytes that a test sends, and counts what it is told. */
class Sent extends IncomingTransfer<Buffer, string> {
  readonly calls: string[] = []
  readonly #queue: Buffer[] = []

  constructor(live: LiveTransfers, signal?: AbortSignal) {
    super({ path: 'file', size: 4, signal, live })
  }

  open(): Promise<string> {
    return this.request(() => this.calls.push('asked'))
  }

  answer(answer: string): void {
    this.answered(answer)
  }

  send(text: string, isLast = false): void {
    this.#queue.push(Buffer.from(text))
    this.ownerDone = isLast
    this.wake()
  }

  get whenFailed(): AbortSignal {
    return this.failing
  }

  protected override take(): Buffer | undefined {
    return this.#queue.shift()
  }

  protected override bytesOf(item: Buffer): Uint8Array {
    return item
  }

  protected override release(item: Buffer): void {
    this.calls.push(`released ${item}`)
  }

  protected override finished(): void {
    this.calls.push(this.isInHand ? 'finished with an item in hand' : 'finished')
  }

  protected override dropped(): void {
    this.calls.push('dropped')
  }
}

test('a transfer hands out what arrives, in order, and ends once', async (t) => {
  const live: LiveTransfers = new Set()
  const transfer = new Sent(live)
  t.ok(live.has(transfer))
  const opened = transfer.open()
  transfer.answer('opened')
  transfer.answer('again')
  t.equal(await opened, 'opened')
  const reader = transfer[Symbol.asyncIterator]()
  const first = reader.next()
  transfer.send('ab')
  t.same(await first, { done: false, value: Buffer.from('ab') })
  const second = reader.next()
  transfer.send('cd', true)
  t.same(await second, { done: false, value: Buffer.from('cd') })
  t.ok(live.has(transfer), 'until the reader is done with the last')
  t.same(await reader.next(), { done: true, value: undefined })
  t.notOk(live.has(transfer))
  await transfer.close()
  t.same(await reader.next(), { done: true, value: undefined }, 'a close after the end is no failure')
  t.same(transfer.calls, ['asked', 'released ab', 'released cd', 'finished', 'dropped'])
})

test('a failure reaches the request, the reader and what the transfer waits for', async (t) => {
  const reason = new Error('over')
  const live: LiveTransfers = new Set()
  const asking = new Sent(live)
  const opened = asking.open()
  const { whenFailed } = asking
  asking.fail(reason)
  await t.rejects(opened, reason)
  t.equal(whenFailed.reason, reason)

  const abort = new AbortController()
  const reading = new Sent(live, abort.signal)
  const reader = reading[Symbol.asyncIterator]()
  const next = reader.next()
  abort.abort(reason)
  await t.rejects(next, reason)
  await t.rejects(reader.next(), reason, 'and again')
  t.equal(reading.whenFailed.reason, reason, 'whoever asks later')
  reading.fail(new Error('later'))
  await t.rejects(reader.next(), reason, 'the first reason stays')
  t.equal(live.size, 0)
})

test('a reader that stops keeps its item until then', async (t) => {
  const returned = new Sent(new Set())
  returned.send('ab')
  for await (const _ of returned) break
  t.same(returned.calls, ['finished with an item in hand', 'dropped'])

  const closed = new Sent(new Set())
  closed.send('ab')
  const reader = closed[Symbol.asyncIterator]()
  await reader.next()
  await closed.close()
  await t.rejects(reader.next(), { code: 'ERR_DYAD_CLOSED', path: 'file' })
  t.same(closed.calls, ['finished with an item in hand', 'dropped'], 'the item is not released once more')
})
