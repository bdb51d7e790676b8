import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { Operations } from '../src/operations.js'

const untilFired = async (signal: AbortSignal) => {
  if (!signal.aborted) await once(signal, 'abort')
}

test('the end of a session waits for what is under way, however that ends', async (t) => {
  const operations = new Operations()
  const log: string[] = []
  const own = new AbortController()
  const ending = operations.run(undefined, async (signal) => {
    await untilFired(signal)
    await turn()
    log.push('ended')
  })
  const failing = operations.run(own.signal, async (signal) => {
    await untilFired(signal)
    for (let turns = 0; turns < 3; turns++) await turn()
    log.push('failed')
    throw signal.reason
  })
  const refused = t.rejects(failing, { code: 'ERR_DYAD_CLOSED' })
  const closed = operations.close().then(() => log.push('closed'))
  t.ok(operations.closing.aborted)
  await closed
  t.strictSame(log, ['ended', 'failed', 'closed'])
  await Promise.all([ending, refused])
})

test('what is asked of a session that has ended is refused', async (t) => {
  const operations = new Operations()
  await operations.close()
  for (const signal of [undefined, new AbortController().signal]) {
    await t.rejects(
      operations.run(signal, async () => t.fail('it ran')),
      { code: 'ERR_DYAD_CLOSED' },
    )
  }
})

test('an operation ends with the signal of its caller, at once if that has fired', async (t) => {
  const operations = new Operations()
  await t.rejects(
    operations.run(AbortSignal.abort(new Error('before')), async () => t.fail('it ran')),
    { message: 'before' },
  )
  const own = new AbortController()
  const running = operations.run(own.signal, async (signal) => {
    await untilFired(signal)
    throw signal.reason
  })
  own.abort(new Error('midway'))
  await t.rejects(running, { message: 'midway' })
  await operations.close()
})
