/** Waits in various ways for files that are never published. */

import { once } from 'node:events'
import fs from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'

const [how = '', directory = ''] = process.argv.slice(2)
const never = join(directory, 'never')

/** Returns the distinguishing properties of an error, without the directory. */
function shapeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message } = error
  const own = Object.fromEntries(Object.entries(error).filter(([key]) => key !== 'cause'))
  const reason = name === 'AbortError' ? { cause: inspect(error.cause).split('\n')[0] } : {}
  return JSON.parse(JSON.stringify({ name, message, ...own, ...reason }).replaceAll(directory, 'DIRECTORY'))
}

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return { returned: await call() }
  } catch (error) {
    return { threw: shapeOf(error) }
  }
}

const ways: Readonly<Record<string, () => unknown>> = {
  /** The event loop continues meanwhile. */
  async tick() {
    let isThere = false
    const read = readFile(join(directory, how), 'utf8').finally(() => {
      isThere = true
    })
    let ticks = 0
    const timer = setInterval(() => {
      if (!isThere && ++ticks === 20) process.send?.('ticked')
    }, 5)
    const content = await read
    clearInterval(timer)
    return content
  },
  /** A signal ends the wait. */
  async abort() {
    const promise = async (reason?: unknown) => {
      const control = new AbortController()
      setTimeout(() => control.abort(reason), 50)
      return outcome(() => readFile(never, { signal: control.signal }))
    }
    const callback = async () => {
      const control = new AbortController()
      setTimeout(() => control.abort(), 50)
      return outcome(
        () =>
          new Promise((done, failed) =>
            fs.readFile(never, { signal: control.signal }, (error, bytes) => (error ? failed(error) : done(bytes))),
          ),
      )
    }
    const aborted = AbortSignal.abort(new Error('before'))
    return [
      await promise(),
      await promise(new Error('enough')),
      await callback(),
      await outcome(() => readFile(never, { signal: aborted })),
      await outcome(
        () =>
          new Promise((done, failed) =>
            fs.writeFile(never, 'x', { signal: aborted }, (e) => (e ? failed(e) : done(''))),
          ),
      ),
    ]
  },
  /** Destroying a stream ends the wait, without an error. */
  async destroy() {
    const events: string[] = []
    const stream = fs.createReadStream(never)
    for (const event of ['open', 'ready', 'end', 'error', 'close']) stream.on(event, () => events.push(event))
    setTimeout(() => stream.destroy(), 50)
    await once(stream, 'close')
    const signal = AbortSignal.timeout(50)
    const other = fs.createReadStream(never, { signal })
    const failed = await outcome(() => once(other, 'end'))
    return [events, stream.destroyed, stream.closed, failed]
  },
  /** node:fs refuses wrong arguments at once. */
  async wrong() {
    const kinds = [
      42,
      true,
      Symbol('s'),
      4n,
      'no encoding',
      { encoding: 'none' },
      { signal: 'none' },
      { flag: 'q' },
      [],
    ]
    const calls = kinds.flatMap((options) => [
      () => fs.readFile(never, options as never, () => {}),
      () => readFile(never, options as never),
      () => fs.open(never, options as never, () => {}),
      () => fs.promises.open(never, options as never),
      () =>
        fs
          .createReadStream(never, options as never)
          .on('error', () => {})
          .destroy() && 'a stream',
      () => fs.promises.access(never, options as never),
      () => fs.access(never, options as never, () => {}),
      () => fs.promises.copyFile(never, join(directory, 'other'), options as never),
    ])
    const others = [
      () => fs.readFile(never, undefined as never),
      () => fs.open(never, 'r', 'mode', () => {}),
      () => fs.stat(never, undefined as never),
      () => fs.promises.stat(`${never}\0`),
      () => fs.promises.readFile(`${directory}/`),
    ]
    const limit = (call: () => unknown) =>
      Promise.race([call(), promisify(setTimeout)(300, 'waits').then(() => 'waits')])
    return Promise.all([...calls, ...others].map((call) => outcome(() => limit(call))))
  },
  /** A timeout of DYAD is a system error. */
  async timeout() {
    const calls = [
      () => readFile(never),
      () => promisify(fs.readFile)(never),
      () => promisify(fs.open)(never, 'r'),
      () => fs.promises.open(never),
      () => once(fs.createReadStream(never), 'end'),
      () => fs.promises.stat(never),
      () => promisify(fs.access)(never),
      () => promisify(fs.exists)(never),
      () => fs.promises.copyFile(never, join(directory, 'other')),
    ]
    return Promise.all(calls.map(outcome))
  },
  /** A relative path keeps its meaning during the wait. */
  async chdir() {
    process.chdir(directory)
    const read = readFile(how, 'utf8')
    process.chdir('/')
    process.send?.('ticked')
    return read
  },
  async read() {
    process.send?.('reading')
    return outcome(() => readFile(join(directory, how), 'utf8'))
  },
}

fs.writeSync(1, JSON.stringify(await ways[how]?.()))
// Some calls still wait.
process.exit()
