import t from 'tap'
import { PathOrder } from '../src/path-order.js'

/** Makes work that the test ends, and notes its begins and ends. */
function works() {
  const events: string[] = []
  const order = new PathOrder()
  const ends = new Map<string, (error?: Error) => void>()
  const run = (name: string, ...claims: [path: string, isTree?: true][]) => {
    const work = () => {
      events.push(`${name}+`)
      return new Promise<void>((resolve, reject) => {
        ends.set(name, (error) => {
          events.push(`${name}-`)
          if (error === undefined) resolve()
          else reject(error)
        })
      })
    }
    const running = order.run(
      claims.map(([path, isTree = false]) => ({ path, isTree })),
      work,
    )
    running.catch(() => {})
    return running
  }
  const end = async (name: string, error?: Error) => {
    ends.get(name)?.(error)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { events, run, end }
}

t.test('work on one path is done in order, and on different paths at once', async (t) => {
  const { events, run, end } = works()
  void run('1', ['/x'])
  void run('2', ['/x'])
  void run('3', ['/x'])
  void run('other', ['/xy'])
  t.strictSame(events, ['1+', 'other+'])
  await end('1')
  t.strictSame(events.slice(2), ['1-', '2+'])
  await end('2', new Error('a failure is an end, too'))
  t.strictSame(events.slice(4), ['2-', '3+'])
  await end('3')
  void run('4', ['/x'])
  t.equal(events.at(-1), '4+')
})

t.test('a failure is that of its own work', async (t) => {
  const { run, end } = works()
  const first = run('1', ['/x'])
  const second = run('2', ['/x'])
  await end('1', new Error('failed'))
  await end('2')
  await t.rejects(first, { message: 'failed' })
  await t.resolves(second)
})

t.test('work on a directory is work on all below it', async (t) => {
  const { events, run, end } = works()
  void run('file', ['/r/d/sub/x'])
  void run('beside', ['/r/d2'])
  void run('tree', ['/r/d', true])
  void run('later', ['/r/d/y'])
  void run('itself', ['/r/d'])
  void run('inner', ['/r/d/sub', true])
  void run('outer', ['/r', true])
  t.strictSame(events, ['file+', 'beside+'])
  await end('file')
  t.strictSame(events.slice(2), ['file-', 'tree+'])
  await end('tree')
  t.strictSame(events.slice(4), ['tree-', 'later+', 'itself+', 'inner+'])
})

t.test('work on two names waits for both', async (t) => {
  const { events, run, end } = works()
  void run('1', ['/x'])
  void run('2', ['/y'])
  void run('move', ['/x'], ['/y'])
  void run('3', ['/x'])
  void run('4', ['/y'])
  await end('1')
  t.notOk(events.includes('move+'))
  await end('2')
  t.equal(events.at(-1), 'move+')
  await end('move')
  t.strictSame(events.slice(-2), ['3+', '4+'])
})
