import { once } from 'node:events'
import { test } from 'tap'
import { connect, decode } from '../src/index.js'
import { Ear, hear } from './support/pair.js'
import { openPlain } from './support/plain.js'

const OPTIONS = { maxFrameBytes: 1_000_000 }

async function pair() {
  const there = await hear()
  const here = new Ear()
  const link = await connect(there.listener.url(), OPTIONS, () => here.handlers)
  await there.first
  const [ear, remote] = [there.ears[0], there.links[0]]
  if (ear === undefined || remote === undefined) throw new Error('no link')
  return { link, here, remote, there: ear, [Symbol.asyncDispose]: () => there.listener.close() }
}

test('bytes go as they are, anything else as a frame, in order', async (t) => {
  await using ends = await pair()
  void ends.link.send(Buffer.from([1, 2, 3]))
  void ends.link.send({ op: 'x', list: [1, 'two', null, Buffer.from('3')] })
  await ends.link.send(new Uint8Array(0))
  await ends.there.received(3)
  t.same(ends.there.messages[0], Buffer.from([1, 2, 3]))
  t.same(decode(ends.there.messages[1] ?? Buffer.alloc(0)), { op: 'x', list: [1, 'two', null, Buffer.from('3')] })
  t.equal(ends.there.messages[2]?.length, 0)
  await ends.remote.send('back')
  await ends.here.received(1)
  t.equal(decode(ends.here.messages[0] ?? Buffer.alloc(0)), 'back')
})

test('a close on purpose has no reason at either side', async (t) => {
  await using ends = await pair()
  ends.link.close()
  ends.link.close()
  t.equal(await ends.here.closed, undefined)
  t.equal(await ends.there.closed, undefined)
  await ends.link.send('into the void')
})

test('a breach of the protocol is the reason here, and a break there', async (t) => {
  await using ends = await pair()
  const reason = new Error('nonsense')
  ends.link.close(reason)
  t.equal(await ends.here.closed, reason)
  t.match((await ends.there.closed)?.message, /code 1002/)
})

test('a handler that throws closes its link with that error', async (t) => {
  await using ends = await pair()
  const error = new Error('cannot read this')
  ends.there.onMessage = () => {
    throw error
  }
  void ends.link.send('one')
  void ends.link.send('two')
  t.equal(await ends.there.closed, error)
  t.match((await ends.here.closed)?.message, /code 1002/)
  t.equal(ends.there.messages.length, 1, 'nothing is heard after it')
})

test('a dropped connection is a break at the other side', async (t) => {
  await using ends = await pair()
  const reason = new Error('enough')
  ends.link.terminate(reason)
  t.equal(await ends.here.closed, reason)
  t.ok((await ends.there.closed) instanceof Error)
  t.equal(await Promise.race([ends.link.send('late'), ends.here.closed.then(() => undefined)]), undefined)
})

test('a message over the bound closes the link', async (t) => {
  await using ends = await pair()
  await ends.link.send(Buffer.alloc(1_000_000))
  await ends.there.received(1)
  void ends.link.send(Buffer.alloc(1_000_001))
  const reason = await ends.there.closed
  t.match(reason, { code: 'ERR_DYAD_PROTOCOL', cause: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' } })
  t.ok((await ends.here.closed) instanceof Error)
})

test('text is not the protocol', async (t) => {
  await using there = await hear()
  const socket = openPlain(there.listener.url())
  const code = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('open', () => socket.send('text'))
  await there.first
  t.match(await there.ears[0]?.closed, { code: 'ERR_DYAD_PROTOCOL' })
  t.equal(await code, 1002)
})

// Many small messages come in one chunk. Only the first are handled before the pause.
for (const bytes of [60_000, 10]) {
  test(`a peer that does not read is not heard either, until it does: ${bytes} bytes a message`, async (t) => {
    const ASKED = 200
    await using there = await hear()
    const socket = openPlain(there.listener.url())
    await once(socket, 'open')
    await there.first
    const [ear, remote] = [there.ears[0], there.links[0]]
    if (ear === undefined || remote === undefined) throw new Error('no link')
    let most = 0
    // Each answer is much longer than its message, as from a server of whole files.
    ear.onMessage = () => {
      void remote.send(Buffer.alloc(900_000))
      most = Math.max(most, remote.unsentBytes)
    }
    let heard = 0
    const all = new Promise<void>((resolve) => {
      socket.on('message', () => {
        if (++heard === ASKED) resolve()
      })
    })
    socket.pause()
    for (let i = 0; i < ASKED; i++) socket.send(Buffer.alloc(bytes))
    // Another link goes on meanwhile. Its turns take long enough for the first link to read, if it
    // did.
    const here = new Ear()
    const other = await connect(there.listener.url(), OPTIONS, () => here.handlers)
    for (let turn = 1; turn <= 200; turn++) {
      await other.send('turn')
      await there.ears[1]?.received(turn)
    }
    t.ok(ear.messages.length < ASKED, `${ear.messages.length} of ${ASKED} were heard`)
    socket.resume()
    await all
    t.ok(most < 16 * 1024 * 1024, `${most} bytes waited`)
    socket.terminate()
  })
}

test('a link that is not held lets the process go', async (t) => {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  await using there = await hear()
  const script = `
    import { connect } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    const link = await connect(process.argv[1], { maxFrameBytes: 1000 }, () => ({ message() {}, closed() {} }))
    link.hold(true)
    link.hold(false)
    console.log('idle')`
  const args = ['--import=tsx', '--input-type=module', '-e', script, there.listener.url()]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
  t.equal(stdout.trim(), 'idle')
  await there.first
  t.ok((await there.ears[0]?.closed) instanceof Error)
})
