/** An application of a test: a session of the dyad package in a process of its own. */
import { createHash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { descriptorClosed, onShortage, withDescriptors } from '@dyad-ts/core/internal'
import {
  CHANNELS,
  type ConfigOptions,
  connect,
  type Diagnostics,
  type Dyad,
  DyadFile,
  DyadReadStream,
  DyadWriteStream,
  type FileRecord,
} from '@dyad-ts/dyad'
import { answer, note } from './answer.js'
import { contents } from './contents.js'
import { type HaltingOptions, HaltingReaders } from './halting-reader.js'

let core: Dyad

/** What `withNoneFree` does with one file, and how many bytes that moves. */
const ONE = {
  async read(path: string, _size: number) {
    return Buffer.concat(await Readable.from(new DyadReadStream(core, path)).toArray()).length
  },
  async open(path: string, _size: number) {
    const file = await DyadFile.open(core, path)
    try {
      return (await file.readFile()).length
    } finally {
      await file.close()
    }
  },
  async consume(path: string, _size: number) {
    const local = await core.consume(path)
    return withDescriptors(() => readFileSync(local).length)
  },
  async prefetch(path: string, _size: number) {
    const { present } = await core.prefetch([path])
    return present
  },
  async write(path: string, size: number) {
    await finished(new DyadWriteStream(core, path).end(Buffer.alloc(size)))
    return (await core.lookup(path, { wait: false }))?.size
  },
  async create(path: string, size: number) {
    const file = await DyadFile.open(core, path, 'w')
    await file.writeFile(Buffer.alloc(size))
    await file.close()
    return (await core.lookup(path, { wait: false }))?.size
  },
}

function takeAllDescriptors(): number[] {
  const taken: number[] = []
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'))
    } catch {
      return taken
    }
  }
}
let goOn: (() => void) | undefined
let endAppending: (() => Promise<void>) | undefined
const readers = new HaltingReaders()
const aborts = new Map<string, AbortController>()

/** A signal that the operation `abort` fires by its name. */
function signalNamed(name: string | undefined): AbortSignal | undefined {
  if (name === undefined) return undefined
  const control = new AbortController()
  aborts.set(name, control)
  return control.signal
}

interface WriteOptions {
  halves?: boolean
  flags?: 'w' | 'wx' | 'a' | 'r+'
  /** Names the signal of the stream. */
  abort?: string
  /** Ends the stream by `destroy()` when the signal fires, which it does not know of. */
  destroys?: boolean
}

interface ReadOptions {
  timeout?: number
  abort?: string
}

interface ConsumeOptions extends ReadOptions {
  /**
   * Once so many bytes have arrived, the process says so and does nothing at all until it is
   * unblocked.
   */
  pauseAt?: number
}

for (const name of CHANNELS) channel(name).subscribe((message) => note(name, message))

answer({
  async connect(options: ConfigOptions) {
    core = await connect(options)
  },
  close: () => core.close(),
  produce: (path: string, { abort }: ReadOptions = {}) => core.produce(path, { signal: signalNamed(abort) }),
  remove: (path: string, { abort }: { abort?: string } = {}) => core.remove(path, { signal: signalNamed(abort) }),
  flush: () => core.flush(),
  lookup: (path: string, { timeout, abort }: ReadOptions = {}) =>
    core.lookup(path, { timeout, signal: signalNamed(abort), wait: false }),
  consume(path: string, { timeout, abort, pauseAt = Number.POSITIVE_INFINITY }: ConsumeOptions = {}) {
    let told = false
    let paused = false
    return core.consume(path, {
      timeout,
      signal: signalNamed(abort),
      onWaiting: () => note('waiting', path),
      onProgress(arrived, size) {
        if (!told && arrived !== size) {
          told = true
          note('midway', path)
        }
        if (!paused && arrived >= pauseAt) {
          paused = true
          note('paused', path)
          readSync(0, Buffer.alloc(1))
        }
      },
    })
  },
  consumeRecord: (path: string, record: FileRecord) => core.consumeRecord(path, record),
  /** Changes a file as a program would that knows nothing of DYAD. */
  overwrite: (local: string) => writeFileSync(local, 'something else'),
  abort: (name: string) => aborts.get(name)?.abort(new Error(`aborted ${name}`)),

  /**
   * Writes `size` bytes of the contents that `seed` stands for through a stream; in two halves, the
   * second on `proceed`, if asked to.
   */
  async write(
    path: string,
    size: number,
    seed: number,
    { halves = false, flags = 'w', abort, destroys }: WriteOptions = {},
  ) {
    const signal = signalNamed(abort)
    const sink = new DyadWriteStream(core, path, { flags, signal: destroys ? undefined : signal })
    if (destroys) signal?.addEventListener('abort', () => sink.destroy())
    let published: unknown
    sink.on('published', (record) => {
      published = record
    })
    await pipeline(async function* () {
      let sent = 0
      let held = halves
      for (const chunk of contents(size, seed)) {
        yield chunk
        sent += chunk.length
        if (held && sent * 2 >= size) {
          held = false
          note('half written', path)
          await new Promise<void>((resolve) => {
            goOn = resolve
          })
        }
      }
    }, sink)
    return published
  },
  /** Writes a file without DYAD, beside its place and then by a rename, and publishes it. */
  produceByHand(path: string, size: number, seed: number) {
    const local = join(core.config.producerPath as string, path)
    writeFileSync(`${local}-${process.pid}`, Buffer.concat([...contents(size, seed)]))
    renameSync(`${local}-${process.pid}`, local)
    return core.produce(path)
  },
  /** Appends to a file without a pause until `appendNoMore`, which closes and publishes it. */
  async appendOn(path: string) {
    const sink = new DyadWriteStream(core, path, { flags: 'a' })
    let isOver = false
    const append = () => {
      if (isOver) sink.end()
      else sink.write('more', () => setImmediate(append))
    }
    endAppending = () => {
      isOver = true
      return finished(sink)
    }
    await new Promise<void>((resolve) => sink.write('more', () => resolve()))
    append()
  },
  appendNoMore: () => endAppending?.(),
  /**
   * Writes files `many/0`, `many/1`, … one after the other, each with its number as the seed of its
   * contents, and says how many are finished.
   */
  async writeMany(count: number, size: number) {
    for (let i = 0; i < count; i++) {
      await pipeline(contents(size, i), new DyadWriteStream(core, `many/${i}`))
      note('finished', i + 1)
    }
    return count
  },
  /** The same, all at once. */
  async writeAllAtOnce(count: number, size: number) {
    await Promise.all(
      Array.from({ length: count }, (_, i) => pipeline(contents(size, i), new DyadWriteStream(core, `many/${i}`))),
    )
  },
  proceed: () => goOn?.(),

  /**
   * Begins to write, and gives up: by an error of the source, by a signal, or by leaving the scope
   * of the stream.
   */
  async abandon(path: string, how: 'error' | 'signal' | 'scope') {
    const broken = new Error(`given up by ${how}`)
    const control = new AbortController()
    const source = async function* () {
      yield Buffer.alloc(200_000)
      if (how === 'signal') control.abort(broken)
      else throw broken
      yield Buffer.alloc(200_000)
    }
    if (how !== 'scope') return pipeline(source, new DyadWriteStream(core, path, { signal: control.signal }))
    await using sink = new DyadWriteStream(core, path)
    sink.on('error', () => {})
    await new Promise((resolve) => sink.write(Buffer.alloc(200_000), resolve))
    throw broken
  },

  /** Reads a file through a stream; tells its size and digest. */
  async read(path: string, { timeout, abort }: ReadOptions = {}) {
    const hash = createHash('sha256')
    let size = 0
    const source = new DyadReadStream(core, path, { timeout, signal: signalNamed(abort) })
    source.on('waiting', () => note('waiting', path))
    source.on('storeLost', ({ address, why }) => note('storeLost', { address, why: why.message, path }))
    source.on('storeBack', () => note('storeBack', path))
    await pipeline(
      source,
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          size += chunk.length
          done()
        },
      }),
    )
    return { size, sha256: hash.digest('hex') }
  },

  /** Opens and closes a file as with node:fs/promises. */
  async openFile(path: string, options: ReadOptions = {}) {
    const { timeout, abort } = options
    await (await DyadFile.open(core, path, 'r', undefined, { timeout, signal: signalNamed(abort) })).close()
  },

  /**
   * Brings a list of files here; when the transfer of `pauseAt` begins, the process says that it is
   * paused and does nothing until it is unblocked.
   */
  prefetch(paths: string[], { abort, pauseAt }: { abort?: string; pauseAt?: string } = {}) {
    const started = channel('dyad.transfer.started')
    const pause = (message: unknown) => {
      if ((message as Diagnostics['dyad.transfer.started']).record.path !== pauseAt) return
      started.unsubscribe(pause)
      note('paused', pauseAt)
      readSync(0, Buffer.alloc(1))
    }
    if (pauseAt !== undefined) started.subscribe(pause)
    return core.prefetch(paths, { signal: signalNamed(abort) })
  },
  /** The same of so many names, which nobody holds all at once. */
  prefetchNumbers(count: number) {
    const names = function* () {
      for (let i = 0; i < count; i++) yield `numbered/${i}`
    }
    return core.prefetch(names())
  },

  /** As `read`, but stops where the test says: see HaltingOptions. */
  readHalting: (path: string, options: HaltingOptions) => readers.read(core, path, options),
  proceedReading: (as: string) => readers.proceed(as),
  destroyReader: (as: string) => readers.destroy(as),

  /** Opens many files at once, each through a stream; resolves with how many were read whole. */
  async readAll(paths: string[], options: ReadOptions = {}) {
    const texts = await Promise.all(
      paths.map(async (path) => (await Readable.from(new DyadReadStream(core, path, options)).toArray()).length >= 0),
    )
    return texts.length
  },

  /**
   * Opens so many files of `writeMany` at once, each through a stream; resolves with how many had
   * the right bytes, and with what else became of the others.
   */
  async readAllAtOnce(count: number, size: number) {
    const found = await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const chunks = await Readable.from(new DyadReadStream(core, `many/${i}`)).toArray()
        return Buffer.concat(chunks).equals(Buffer.concat([...contents(size, i)])) ? 'right' : 'wrong'
      }).map((reading) => reading.catch((error) => `${error.code}: ${error.message}`)),
    )
    return {
      right: found.filter((each) => each === 'right').length,
      others: [...new Set(found.filter((each) => each !== 'right'))],
    }
  },
  /**
   * Reads or writes a file of `size` bytes in a process whose descriptors are all taken; one more
   * becomes free each time that something meets the shortage. Resolves with how many bytes were
   * read, or published, how often something was short of a descriptor, and the warnings.
   */
  async withNoneFree(work: 'read' | 'open' | 'consume' | 'prefetch' | 'write' | 'create', path: string, size: number) {
    const warnings: unknown[] = []
    process.on('warning', (warning: NodeJS.ErrnoException) => warnings.push(warning.code))
    const taken = takeAllDescriptors()
    let shortages = 0
    const stop = onShortage(() => {
      shortages++
      const fd = taken.pop()
      if (fd === undefined) return
      closeSync(fd)
      descriptorClosed()
    })
    try {
      return { bytes: await ONE[work](path, size), isShort: shortages > 0, warnings }
    } finally {
      stop()
      for (const fd of taken) closeSync(fd)
    }
  },
  /** As `readAllAtOnce`, but each through a handle. */
  async openAllAtOnce(count: number, size: number) {
    const sizes = await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const file = await DyadFile.open(core, `many/${i}`)
        try {
          return (await file.readFile()).length
        } finally {
          await file.close()
        }
      }),
    )
    return sizes.filter((each) => each === size).length
  },

  async list(pattern?: string, { abort }: ReadOptions = {}) {
    const paths: string[] = []
    for await (const record of core.list(pattern, { signal: signalNamed(abort) })) paths.push(record.path)
    return paths.sort()
  },
  async watch(pattern: string, count: number, { abort }: ReadOptions = {}) {
    const paths: string[] = []
    const onStoreLost = () => note('storeLost', { path: `watch ${pattern}` })
    for await (const record of core.watch(pattern, { onStoreLost, signal: signalNamed(abort) })) {
      paths.push(record.path)
      note('watched', record.path)
      if (paths.length === count) break
    }
    return paths
  },
  peakMiB: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024,
})
