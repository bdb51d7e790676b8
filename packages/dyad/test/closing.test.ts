import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'tap'
import { closing } from '../src/closing.js'
import { start, startStore } from '../src/index.js'

test('a node or a store that is closed twice has ended after either call', async (t) => {
  // The path of a socket in it must be short.
  const root = mkdtempSync(`${tmpdir()}/dyad-closing-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  const options = {
    host: '127.80.44.4',
    namespace: 'closing',
    node: 'C',
    stateDir: `${root}/state`,
    token: 'x'.repeat(20),
  }
  let kvs = 'ws://127.80.44.4:0'
  for (const begin of [() => start({ ...options, kvs, broker: true }), () => startStore({ ...options, kvs })]) {
    for (let time = 0; time < 2; time++) {
      const running = await begin()
      // The next start takes the same port and the same node.
      kvs = running.status.kvs
      const first = running.close()
      await running.close()
      await using again = await begin()
      t.equal(again.status.kvs, kvs)
      await first
    }
  }
})

test('a part that fails to close leaves no other open', async (t) => {
  const closed: string[] = []
  const part = (name: string, failure?: Error) => ({
    async [Symbol.asyncDispose]() {
      closed.push(name)
      if (failure !== undefined) throw failure
    },
  })
  const parts = [part('a'), part('b', new Error('b broke')), part('c', new Error('c broke'))]
  const close = closing(parts)
  await t.rejects(close(), { message: 'c broke' })
  await t.rejects(close(), { message: 'c broke' }, 'and says so again')
  t.strictSame(closed, ['c', 'b', 'a'])
})
