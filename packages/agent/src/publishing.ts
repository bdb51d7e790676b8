import { type BigIntStats, lstatSync } from 'node:fs'
import { type DyadCore, DyadError, type FileRecord, isDyadError } from '@dyad-ts/core'
import { filesBelow } from './files-below.js'
import { NotedFiles } from './noted-files.js'
import { PathOrder } from './path-order.js'

/** A renamed file or directory. '' stands for a place that is not managed. */
export interface Move {
  readonly from: string
  readonly to: string
  /** Whether `from` was the name of a directory. It may be one even if this is false. */
  readonly wasDirectory: boolean
}

/** Files of a directory that are published or withdrawn at once. */
const AT_A_TIME = 32

/**
 * Publishes and withdraws files of programs. It handles requests for one path in their order, also
 * over different sessions.
 */
export class Publishing {
  readonly #order = new PathOrder()
  /** Files with a failed write: another program may have them open, and close them last. */
  readonly #damaged = new NotedFiles()

  /**
   * Publishes a file. Resolves with its record once every consumer can see it. ERR_DYAD_PUBLISH if
   * a write to it failed; the errors of DyadCore.produce.
   */
  produce(session: DyadCore, name: string): Promise<FileRecord> {
    return this.#order.run([claim(session, name)], async () => {
      if (this.#damaged.has(session.config.producerPath, name)) {
        throw new DyadError('ERR_DYAD_PUBLISH', {
          path: name,
          node: session.config.node,
          detail: 'a program could not write all of it',
        })
      }
      return session.produce(name)
    })
  }

  /**
   * Withdraws the record of a file before it changes. Resolves with whether it had one. A file with
   * a failed write is not published until it changes anew. The errors of DyadCore.remove.
   */
  change(session: DyadCore, name: string, isDamaged: boolean): Promise<boolean> {
    return this.#order.run([claim(session, name)], () => {
      this.#note(session, name, isDamaged)
      return withdraw(session, name)
    })
  }

  #note(session: DyadCore, name: string, isDamaged: boolean): void {
    const { producerPath } = session.config
    if (isDamaged) this.#damaged.note(producerPath, name)
    else this.#damaged.forget(producerPath, name)
  }

  /**
   * Withdraws the record of a removed file, if it has one, or of all files below a directory. The
   * errors of DyadCore.remove.
   */
  remove(session: DyadCore, name: string, isDirectory: boolean): Promise<void> {
    return this.#order.run([claim(session, name, isDirectory)], async () => {
      this.#note(session, name, false)
      if (isDirectory) await withdrawBelow(session, name)
      await withdrawGone(session, name)
    })
  }

  /**
   * Withdraws the record at the first name, and publishes the file at the second one. '' stands for
   * a place that is not managed. In a directory, it publishes the files that were published below
   * its first name; their writers publish the others. `told` is called with each record that it
   * published. The errors of DyadCore.produce and DyadCore.remove.
   */
  async move(session: DyadCore, { from, to, wasDirectory }: Move, told: (record: FileRecord) => void): Promise<void> {
    const found = await standing(session, to)
    const moved = found?.isDirectory() ? 'directory' : found?.isFile() ? 'file' : undefined
    const isDirectory = wasDirectory || moved === 'directory'
    const claims = [from, to].filter((name) => name !== '').map((name) => claim(session, name, isDirectory))
    return this.#order.run(claims, async () => {
      for (const name of [from, to]) this.#note(session, name, false)
      if (moved === 'directory') return moveBelow(session, from, to, told)
      await Promise.all([
        moved === 'file' ? session.produce(to).then(told) : undefined,
        from === '' ? undefined : withdrawGone(session, from),
        from !== '' && isDirectory ? withdrawBelow(session, from) : undefined,
      ])
    })
  }
}

function claim(session: DyadCore, name: string, isTree = false): { path: string; isTree: boolean } {
  const { producerPath } = session.config
  if (producerPath === undefined) {
    throw new DyadError('ERR_DYAD_UNTRACKED', { path: name, detail: 'no producer-managed directory is set' })
  }
  return { path: `${producerPath}/${name}`, isTree }
}

/**
 * Withdraws the record of a removed file, but not the record of the file that stands there: another
 * program may have published a newer one since, and rename(2) does nothing if both names are of one
 * file. Resolves with whether there was one.
 */
async function withdrawGone(session: DyadCore, name: string): Promise<boolean> {
  const found = await standing(session, name)
  if (found?.isFile()) {
    const record = await session.lookup(name, { wait: false })
    const isOfStanding = record?.owner === session.config.node && record.mtimeNs === found.mtimeNs
    if (isOfStanding && BigInt(record.size) === found.size) return true
  }
  return withdraw(session, name)
}

/** Withdraws a record. Resolves with whether there was one. */
async function withdraw(session: DyadCore, name: string): Promise<boolean> {
  try {
    await session.remove(name)
    return true
  } catch (error) {
    if (!isDyadError(error, 'ERR_DYAD_NOT_FOUND')) throw error
    return false
  }
}

async function withdrawBelow(session: DyadCore, directory: string): Promise<void> {
  async function* names() {
    for await (const { path } of session.list()) if (path.startsWith(`${directory}/`)) yield path
  }
  await forEach(names(), async (name) => {
    await withdrawGone(session, name)
  })
}

async function moveBelow(
  session: DyadCore,
  from: string,
  to: string,
  told: (record: FileRecord) => void,
): Promise<void> {
  const directory = await session.locateProduced(to)
  if (directory === undefined) return
  await forEach(filesBelow(directory.local), async (name) => {
    if (from === '' || (await withdrawGone(session, `${from}/${name}`))) told(await session.produce(`${to}/${name}`))
  })
}

/** Returns the attributes of the file at a name, or undefined. */
async function standing(session: DyadCore, name: string): Promise<BigIntStats | undefined> {
  const file = name === '' ? undefined : await session.locateProduced(name)
  return file && lstatSync(file.local, { throwIfNoEntry: false, bigint: true })
}

/**
 * Works on a few items at a time. If some fail, it works on the others and rejects with the first
 * failure.
 */
async function forEach<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]()
  const failures: unknown[] = []
  const worker = async () => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  if (failures.length > 0) throw failures[0]
}
