import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { reportHost } from '../../src/index.js'
import { ACCESS } from '../../src/verbs/constants.js'
import { WC_STATUS } from '../../src/verbs/faults.js'
import { loadVerbs } from '../../src/verbs/library.js'
import { MemoryRegion, MemoryWindow } from '../../src/verbs/memory.js'
import { fabricPair, MEMORY_BYTES } from '../support/fabric-pair.js'

const status = (name: (typeof WC_STATUS)[number]) => WC_STATUS.indexOf(name)

test('the device describes itself', async (t) => {
  const report = reportHost()
  t.equal(report.isUsable, true)
  t.match(report.koffi, /^\d+\./)
  t.match(report.devices, [
    { name: 'rxe0', hasMemoryWindows: true, ports: [{ number: 1, state: 'active', linkLayer: 'Ethernet', mtu: 4096 }] },
  ])
  const port = report.devices[0]?.ports[0]
  t.ok(port !== undefined && port.maxMessage >= 8 * 1024 * 1024)
  t.ok(port?.gids.some(({ gid, type }) => type === 'RoCE v2' && gid === `::ffff:${report.addresses[0]}`))
  t.same(report.findings, [])
})

test('messages arrive whole, in order and unchanged', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  a.memory.write('first', 4096)
  a.memory.write('second!', 8192)
  t.equal(await a.post({ op: 'send', from: a.span(4096, 5) }, { op: 'send', from: a.span(8192, 7) }), 0)
  while (b.received.length < 2) await new Promise((resolve) => setImmediate(resolve))
  t.same(b.received, [5, 7])
  t.equal(b.memory.toString('latin1', 0, 5), 'first')
  t.equal(b.memory.toString('latin1', 64, 71), 'second!')
})

test('a window opens its bytes to its peer, with its access, until it is withdrawn', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  const window = new MemoryWindow(b.context)
  const rkey = window.nextKey()
  const span = b.span(16_384, 8192)
  t.equal(await b.post({ op: 'bind', window, rkey, span, access: ACCESS.remoteWrite }), 0)
  a.memory.fill('x', 0, 4096)
  const to = { address: span.address + 4096, rkey }
  t.equal(await a.post({ op: 'write', from: a.span(0, 4096), to, immediate: 0x8765_4321 }), 0)
  while (b.received.length < 1) await new Promise((resolve) => setImmediate(resolve))
  t.same(b.received, [0x8765_4321])
  t.equal(b.memory.toString('latin1', 20_480, 24_576), 'x'.repeat(4096))
  t.equal(b.memory[20_479], 0, 'nothing before it')
  t.equal(b.memory[24_576], 0, 'nothing behind it')
  t.equal(await b.post({ op: 'invalidate', rkey }), 0)
  t.equal(await a.post({ op: 'write', from: a.span(0, 16), to }), status('REM_ACCESS_ERR'))
  window[Symbol.dispose]()
})

// Within its region, Soft-RoCE lets the key of a window reach beyond the window (check_rkey in the
// kernel's rxe_resp.c looks at the bounds of the region alone); other devices do not.
for (const [what, place, request] of [
  ['beyond the end', MEMORY_BYTES - 8192, (address: number, rkey: number) => ({ address: address + 8192 - 8, rkey })],
  ['ahead of the beginning', 0, (address: number, rkey: number) => ({ address: address - 8, rkey })],
  ['with another key than that', 0, (address: number, rkey: number) => ({ address, rkey: rkey ^ 1 })],
] as const) {
  test(`a peer that writes ${what} of what it was given reaches nothing and loses its connection`, async (t) => {
    using pair = await fabricPair()
    const { a, b } = pair
    const window = new MemoryWindow(b.context)
    const rkey = window.nextKey()
    const span = b.span(place, 8192)
    t.equal(await b.post({ op: 'bind', window, rkey, span, access: ACCESS.remoteWrite }), 0)
    a.memory.fill('x')
    const to = request(span.address, rkey)
    t.equal(await a.post({ op: 'write', from: a.span(0, 16), to }), status('REM_ACCESS_ERR'))
    t.equal(b.memory.indexOf('x'), -1)
    b.pair.break(0)
    window[Symbol.dispose]()
  })
}

test('a window that may be written cannot be read', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  const window = new MemoryWindow(b.context)
  const rkey = window.nextKey()
  const span = b.span(16_384, 8192)
  t.equal(await b.post({ op: 'bind', window, rkey, span, access: ACCESS.remoteWrite }), 0)
  b.memory.fill('secret', 16_384, 20_000)
  const from = { address: span.address, rkey }
  t.equal(await a.post({ op: 'read', into: a.span(32_768, 64), from }), status('REM_ACCESS_ERR'))
  t.equal(a.memory.includes('secret'), false)
  b.pair.break(0)
  window[Symbol.dispose]()
})

test('the key of the region itself opens nothing', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  const to = { address: b.region.address, rkey: b.region.rkey }
  t.equal(await a.post({ op: 'write', from: a.span(0, 16), to }), status('REM_ACCESS_ERR'))
})

test('more requests than the queue takes, one behind the other', async (t) => {
  using pair = await fabricPair()
  const { a, b } = pair
  const window = new MemoryWindow(b.context)
  const rkey = window.nextKey()
  const span = b.span(65_536, 65_536)
  t.equal(await b.post({ op: 'bind', window, rkey, span, access: ACCESS.remoteWrite }), 0)
  const count = 1000
  const done: number[] = []
  for (let i = 0; i < count; i++) {
    a.memory.writeUInt32LE(i, 4096 + 4 * i)
    const write = { op: 'write', from: a.span(4096 + 4 * i, 4), to: { address: span.address + 4 * i, rkey } } as const
    a.pair.post([write], { done: (code) => done.push(code === 0 ? i : -1), isSilent: i < count - 1 })
  }
  t.equal(a.pair.outstanding, count)
  while (done.length < count) await new Promise((resolve) => setImmediate(resolve))
  t.same(
    done,
    Array.from({ length: count }, (_, i) => i),
  )
  for (let i = 0; i < count; i++) {
    if (b.memory.readUInt32LE(65_536 + 4 * i) !== i) t.fail(`write ${i} did not arrive`)
  }
  t.equal(a.pair.outstanding, 0)
  t.equal(await b.post({ op: 'invalidate', rkey }), 0)
  window[Symbol.dispose]()
})

test('an error of a verb has its name and number', async (t) => {
  using pair = await fabricPair()
  const { context } = pair.a
  t.throws(() => MemoryRegion.at(context, 4096, 4096, ACCESS.localWrite), { verb: 'ibv_reg_mr', code: 'EFAULT' })
  t.throws(() => MemoryRegion.ofBuffer(context, pair.a.memory, ACCESS.remoteWrite), {
    verb: 'ibv_reg_mr',
    code: 'EINVAL',
  })
})

test('registered memory is not collected, and disposed memory is', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  using pair = await fabricPair()
  const register = () => {
    const buffer = Buffer.allocUnsafeSlow(8 * 1024 * 1024)
    return { region: new WeakRef(MemoryRegion.ofBuffer(pair.a.context, buffer, 1)), buffer: new WeakRef(buffer.buffer) }
  }
  const { region, buffer } = register()
  const turns = async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve))
      collect()
    }
  }
  await turns()
  t.ok(buffer.deref() !== undefined, 'the device may still write there')
  region.deref()?.[Symbol.dispose]()
  await turns()
  t.equal(buffer.deref(), undefined)
  t.ok(loadVerbs())
})
