/** An application that produces. */
import { once } from 'node:events'
import { type ConfigOptions, connect, type Dyad, DyadWriteStream } from '@dyad-ts/dyad'
import { type BenchFile, contentsOf } from '../contents.js'
import { answer, timed } from './answer.js'
import { compute } from './compute.js'

let core: Dyad

async function write(file: BenchFile, bytes: Buffer): Promise<void> {
  const stream = new DyadWriteStream(core, file.path)
  stream.end(bytes)
  await once(stream, 'finish')
}

answer({
  async connect(options: ConfigOptions) {
    core = await connect(options)
  },

  /**
   * Writes files one after the other, and waits for all of them to be published; tells the
   * nanoseconds.
   */
  produce(files: BenchFile[]) {
    const contents = files.map(contentsOf)
    return timed(async () => {
      for (const [i, file] of files.entries()) await write(file, contents[i] as Buffer)
      await core.flush()
    })
  },

  /**
   * Writes a file and closes it once all its bytes are written; tells when it did, on the clock
   * that all processes share.
   */
  async close(file: BenchFile) {
    const stream = new DyadWriteStream(core, file.path)
    const finished = once(stream, 'finish')
    await new Promise<void>((resolve, reject) =>
      stream.write(contentsOf(file), (error) => (error ? reject(error) : resolve())),
    )
    const closed = process.hrtime.bigint()
    stream.end()
    await finished
    return closed
  },

  /** Computes and writes frame by frame; tells the milliseconds in the calls that write. */
  async simulate(files: BenchFile[], computing: number) {
    let writing = 0
    for (const file of files) {
      const bytes = contentsOf(file)
      compute(computing)
      const began = performance.now()
      await write(file, bytes)
      writing += performance.now() - began
    }
    return writing
  },
})
