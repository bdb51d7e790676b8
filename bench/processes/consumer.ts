/** An application that consumes. */
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type ConfigOptions, connect, type Diagnostics, type Dyad, DyadReadStream } from '@dyad-ts/dyad'
import { type BenchFile, type Check, Checker } from '../contents.js'
import { answer, note, timed } from './answer.js'

const MiB = 1024 * 1024

let core: Dyad | undefined
/**
 * When the record of the file that is read now was there, as far as that is known: whatever tells
 * of it tells a little later.
 */
let found = Number.POSITIVE_INFINITY
const findBefore = (time: number) => {
  found = Math.min(found, time)
}
subscribe('dyad.transfer.started', () => findBefore(performance.now()))
subscribe('dyad.consumer.stored', (message) =>
  findBefore(performance.now() - (message as Diagnostics['dyad.consumer.stored']).duration),
)

function session(): Dyad {
  if (core === undefined) throw new Error('not connected')
  return core
}

/** Bytes that were read are half of the work: the whole file must stand in its place by then. */
function assertStored({ path, size }: BenchFile): void {
  const found = statSync(join(session().config.consumerPath ?? '', path)).size
  if (found !== size) throw new Error(`${path}: ${found} bytes are stored instead of ${size}`)
}

function open(file: BenchFile): DyadReadStream {
  // Larger buffers get new pages from the system, which take longer than the reading. Readers of
  // small files keep the default.
  return new DyadReadStream(session(), file.path, { highWaterMark: file.size > MiB ? 128 * 1024 : undefined })
}

/** Reads a file to its end and checks it. */
function read(file: BenchFile, check: Check, listen?: (stream: DyadReadStream) => void): Promise<void> {
  const checker = new Checker(file, check)
  const stream = open(file)
  listen?.(stream)
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('data', (chunk) => {
      try {
        checker.take(chunk as Buffer)
      } catch (error) {
        stream.destroy(error as Error)
      }
    })
    stream.on('end', () => {
      try {
        checker.end()
        if (file.size > MiB) assertStored(file)
        resolve()
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** As `read`, in memory that is lent. */
async function readLent(file: BenchFile, check: Check): Promise<void> {
  const checker = new Checker(file, check)
  for await (const chunk of open(file).lend()) checker.take(chunk)
  checker.end()
  assertStored(file)
}

answer({
  /** Begins a session, after the one before, whose connections would be warm already. */
  async connect(options: ConfigOptions) {
    await core?.close()
    core = await connect(options)
  },

  /**
   * Reads files through streams, some at a time; tells the nanoseconds from the first open to the
   * last byte.
   */
  read(files: BenchFile[], concurrency: number, check: Check, how: 'lent' | 'own' = 'own') {
    const queue = files.values()
    const worker = async () => {
      for (const file of queue) await (how === 'lent' ? readLent : read)(file, check)
    }
    return timed(() => Promise.all(Array.from({ length: concurrency }, worker)))
  },

  /** Consumes files one after the other and reads each at one go. */
  consume(files: BenchFile[]) {
    return timed(async () => {
      for (const file of files) {
        const checker = new Checker(file, 'all')
        checker.take(readFileSync(await session().consume(file.path)))
        checker.end()
      }
    })
  },

  /** Consumes files one after the other and reads none. */
  store(files: BenchFile[]) {
    return timed(async () => {
      for (const file of files) {
        await session().consume(file.path)
        assertStored(file)
      }
    })
  },

  /** Seconds of processor that this process has taken for itself, without the system's. */
  userSeconds: () => process.cpuUsage().user / 1e6,

  /**
   * Opens a file and tells the nanoseconds until its first bytes are there; reads the rest as well.
   */
  async firstByte(file: BenchFile, check: Check) {
    const began = process.hrtime.bigint()
    let first = 0n
    await read(file, check, (stream) =>
      stream.once('data', () => {
        first = process.hrtime.bigint()
      }),
    )
    return Number(first - began)
  },

  /**
   * Opens a file that is not published yet; tells when it was open, on the clock that all processes
   * share.
   */
  async open(file: BenchFile) {
    let opened = 0n
    await read(file, 'all', (stream) => {
      stream.once('waiting', () => note('waiting'))
      stream.once('open', () => {
        opened = process.hrtime.bigint()
      })
    })
    return opened
  },

  /**
   * Reads frame by frame; tells the milliseconds in waiting for frames to be published, and those
   * in moving them.
   */
  async analyse(files: BenchFile[], check: Check) {
    let idle = 0
    let total = 0
    for (const file of files) {
      const began = performance.now()
      let waiting = Number.POSITIVE_INFINITY
      found = Number.POSITIVE_INFINITY
      await read(file, check, (stream) => {
        stream.once('waiting', () => {
          waiting = performance.now()
        })
        stream.once('record', () => findBefore(performance.now()))
      })
      if (waiting < found) idle += found - waiting
      total += performance.now() - began
    }
    return { idle, moving: total - idle }
  },
})
