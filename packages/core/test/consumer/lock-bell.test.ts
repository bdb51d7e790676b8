import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'tap'
import { outcomeOf } from '../../../../test/harness/child.js'
import { startLimited } from '../../../../test/harness/limited-process.js'

const module = (name: string) => JSON.stringify(new URL(`../../src/consumer/${name}.ts`, import.meta.url).href)

/** All descriptors are taken first, and then none. */
const PROGRAM = `
  import { closeSync, openSync } from 'node:fs'
  import { setImmediate } from 'node:timers/promises'
  import { LockBell, untilRung } from ${module('lock-bell')}
  const [path] = process.argv.slice(1)
  const taken = []
  const takeAll = () => {
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {}
  }
  takeAll()
  const bell = new LockBell(path)
  await setImmediate()
  // What loads modules may have closed some meanwhile.
  takeAll()
  const { signal } = new AbortController()
  const wait = (heard) => untilRung(path, 'x', { patience: 60_000, left: 60_000, heard }, signal)
  const short = await wait(() => {}).then(String, ({ code }) => code)
  for (const fd of taken) closeSync(fd)
  const ringing = bell.held('x')
  // A waiter that has joined hears of progress.
  let isRung = false
  const waiting = wait(() => ringing.release()).finally(() => {
    isRung = true
  })
  for (let bytes = 1; !isRung; bytes++) {
    ringing.progress(bytes)
    await setImmediate()
  }
  process.stdout.write(JSON.stringify({ short, rung: await waiting }))
  bell[Symbol.dispose]()
`

test('a bell that could not listen for lack of descriptors rings for the next lock', async (t) => {
  // Shorter than the longest path of a socket.
  const directory = mkdtempSync(`${tmpdir()}/dyad-bell-`)
  t.teardown(() => rmSync(directory, { recursive: true }))
  const child = startLimited(t, 64, PROGRAM, { args: [`${directory}/bell`] })
  const { stdout, stderr } = await outcomeOf(child)
  t.equal(stderr, '')
  // Who cannot ask does not take the holder for gone.
  t.strictSame(JSON.parse(stdout), { short: 'EMFILE', rung: 'released' })
})
