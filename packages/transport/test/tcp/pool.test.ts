import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { withDescriptors } from '@dyad-ts/core/internal'
import { test } from 'tap'
import { Pool } from '../../src/tcp/pool.js'
import { rawServer } from '../support/raw-tcp.js'

const OPTIONS = { token: undefined, ca: undefined, bufferBytes: 4096, idleMs: 60_000 }
const urlOf = (address: string) => (JSON.parse(address) as { url: string }).url
const { signal } = new AbortController()

test('a connection is lent to one at a time, and to the next when it is given back', async (t) => {
  await using server = await rawServer(() => {})
  const url = urlOf(server.address)
  const pool = new Pool(OPTIONS)
  t.equal(pool.take(url), undefined, 'there is none yet')
  const first = await pool.acquire(url, false, signal)
  const second = await pool.acquire(url, false, signal)
  t.not(second.connection, first.connection)
  first.release()
  const again = pool.take(url)
  t.equal(again?.connection, first.connection)
  t.equal(pool.take(url), undefined)
  again?.release()
  const fresh = await pool.acquire(url, true, signal)
  t.not(fresh.connection, first.connection, 'a fresh one when it is asked for')
  second.connection.destroy()
  second.release()
  fresh.release()
  t.equal(pool.take(url)?.connection, fresh.connection, 'what was dropped is not lent')
  await pool.close()
  t.ok([first, second, fresh].every(({ connection }) => connection.isGone))
})

test('beyond its bound it lets wait, in the order asked for', async (t) => {
  await using server = await rawServer(() => {})
  const url = urlOf(server.address)
  const pool = new Pool(OPTIONS)
  const leases = await Promise.all(Array.from({ length: 256 }, () => pool.acquire(url, false, signal)))
  const order: string[] = []
  const abort = new AbortController()
  const waiting = ['one', 'two', 'three'].map((name) =>
    pool.acquire(url, false, name === 'two' ? abort.signal : signal).then((lease) => {
      order.push(name)
      return lease
    }),
  )
  abort.abort('enough')
  await waiting[1]?.then(
    () => t.fail('it was not ended'),
    (reason) => t.equal(reason, 'enough'),
  )
  leases[0]?.release()
  t.equal((await waiting[0])?.connection, leases[0]?.connection, 'what was given back')
  leases[1]?.release()
  t.equal((await waiting[2])?.connection, leases[1]?.connection)
  t.strictSame(order, ['one', 'three'])
  await pool.close()
})

test('a server without room for one more connection is asked for no other, but for those that it has', async (t) => {
  await using server = await rawServer(() => {})
  const url = urlOf(server.address)
  const pool = new Pool(OPTIONS)
  const [held, idle, refused] = await Promise.all([1, 2, 3].map(() => pool.acquire(url, false, signal)))
  idle?.release()
  refused?.refused()
  const again = pool.take(url)
  t.equal(again?.connection, idle?.connection, 'one that waits to be used')
  const waiting = pool.acquire(url, false, signal)
  // By now it would have connected.
  for (let i = 0; i < 10; i++) await undefined
  held?.release()
  t.equal((await waiting).connection, held?.connection, 'and one that is given back')
  await pool.close()
})

test('a server that refused the only connection is asked again after a while, and not at once', async (t) => {
  await using server = await rawServer(() => {})
  const url = urlOf(server.address)
  const pool = new Pool(OPTIONS)
  const refused = await pool.acquire(url, false, signal)
  let isLater = false
  // Half of the pool's pause.
  setTimeout(() => {
    isLater = true
  }, 500)
  refused.refused()
  const again = await pool.acquire(url, false, signal)
  t.ok(isLater)
  t.not(again.connection, refused.connection)
  await pool.close()
})

test('a server that does not answer at all is left alone for a while', async (t) => {
  // It speaks no TLS, and so never answers a TLS client.
  await using server = await rawServer(() => {}, { isMute: true })
  const url = urlOf(server.address).replace('tcp:', 'tls:')
  const pool = new Pool({ ...OPTIONS, answerMs: 20 })
  await t.rejects(pool.acquire(url, false, signal), {
    code: 'ERR_DYAD_OWNER_UNREACHABLE',
    cause: { code: 'ETIMEDOUT' },
  })
  await t.rejects(pool.acquire(url, false, signal), { code: 'ERR_DYAD_OWNER_UNREACHABLE', message: /the last time/ })
  t.equal(server.sockets.length, 1, 'nobody asked it again')
  const other = await pool.acquire(urlOf(server.address), false, signal)
  other.release()
  await pool.close()
})

test('the pool makes few connections to a server at once, and none once the server is known to be silent', async (t) => {
  let [open, most, total] = [0, 0, 0]
  const sockets = new Set<Socket>()
  // It ends all handshakes once as many have begun as ever will.
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    most = Math.max(most, ++open)
    if (++total % 16 !== 0 && total !== 100) return
    // By then more would have come.
    setTimeout(() => {
      open = 0
      for (const each of sockets) each.destroy()
      sockets.clear()
    }, 100)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `tls://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pool = new Pool(OPTIONS)
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => pool.acquire(url, false, signal)))
  t.ok(all.every(({ status }) => status === 'rejected'))
  t.equal(total, 100)
  t.equal(most, 16)
  server.close()

  await using mute = await rawServer(() => {}, { isMute: true })
  const silent = new Pool({ ...OPTIONS, answerMs: 300 })
  const muteUrl = urlOf(mute.address).replace('tcp:', 'tls:')
  const waits = await Promise.allSettled(Array.from({ length: 40 }, () => silent.acquire(muteUrl, false, signal)))
  t.ok(waits.every(({ status }) => status === 'rejected'))
  t.equal(mute.sockets.length, 16, 'those that waited for their turn do not ask')
  await Promise.all([pool.close(), silent.close()])
})

test('connections that wait to be used are closed when descriptors are short, and no others', async (t) => {
  await using server = await rawServer(() => {})
  const url = urlOf(server.address)
  const pool = new Pool(OPTIONS)
  const [held, idle] = await Promise.all([1, 2].map(() => pool.acquire(url, false, signal)))
  idle?.release()
  await withDescriptors(() => {
    if (!idle?.connection.isGone) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  })
  t.notOk(held?.connection.isGone)
  t.equal(pool.take(url), undefined, 'what was closed is not lent')
  await pool.close()
})
