import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { dirname, join, resolve } from 'node:path'
import { type Diagnostics, DyadError, type FileRecord } from '@dyad-ts/core'
import { makeDirectory, Slots, visible } from '@dyad-ts/core/internal'
import type { Dyad } from '../connect.js'
import type { Batch } from './batch.js'
import { copyAs } from './destination.js'
import { hasContentOf } from './file-digest.js'
import { type Naming, type PlannedFile, planGet } from './get-plan.js'
import { tell } from './output.js'
import { OwnerWait } from './owner-wait.js'

/** Files that are waited for at once: each is one request at the store. */
const WAITS_AT_ONCE = 256
/** Files that are fetched and copied at once: each takes up to four descriptors. */
const MOVES_AT_ONCE = 16

export interface GetOptions {
  readonly naming: Naming
  /** The directory to copy to; it is made if it is missing. */
  readonly to: string | undefined
}

/**
 * Fetches many files into the consumer-managed directory, and copies them to a directory if one is
 * given. It skips a file that is there already with the size and the digest of the record. The
 * batch receives the result of each. Rejects with an error that concerns all files, and with the
 * signal's reason.
 */
export async function getMany(
  words: readonly string[],
  { naming, to }: GetOptions,
  session: Dyad,
  batch: Batch,
  signal: AbortSignal,
): Promise<void> {
  if (to !== undefined) makeDestination(to)
  const files = withoutCollisions(await planGet(words, naming, session, batch, signal), to, batch)
  using held = new Present()
  const moves = new Slots(MOVES_AT_ONCE)
  batch.progress.expect(
    files.length,
    files.reduce((sum, { size = 0 }) => sum + size, 0),
  )

  const getOne = async (file: PlannedFile, ending: AbortSignal) => {
    const record = await recordOf(file, session, batch, ending)
    // Its size was not known before.
    if (file.size === undefined) batch.progress.expect(0, record.size)
    await moves.acquire(ending)
    const progress = batch.progress.begin(file.size ?? record.size)
    try {
      using ownerWait = new OwnerWait(file.path, (line) => batch.progress.aside(() => tell(line)))
      const place = to === undefined ? undefined : resolve(to, file.name)
      if (place !== undefined && (await hasContentOf(place, record, ending))) {
        return add(batch, record, place, true)
      }
      let stored = record
      const local = await session.consumeRecord(file.path, record, {
        signal: ending,
        onRecord: (newest) => {
          stored = newest
        },
        onProgress: (arrived) => {
          ownerWait.end()
          progress.moved(arrived)
        },
      })
      const isHeld = held.take(local)
      if (place === undefined) return add(batch, stored, local, isHeld)
      makeDirectory(dirname(place))
      await copyAs(local, place, ending)
      add(batch, stored, place, false)
    } finally {
      moves.release()
      progress.end()
    }
  }
  await batch.run(files, WAITS_AT_ONCE, ({ path }) => path, getOne, signal)
}

function add(batch: Batch, record: FileRecord, local: string, isPresent: boolean): void {
  const json = { ...record, local, status: isPresent ? 'present' : 'fetched' }
  batch.add({ line: local, size: record.size, isPresent, json })
}

async function recordOf(
  { path, isAwaited }: PlannedFile,
  session: Dyad,
  batch: Batch,
  signal: AbortSignal,
): Promise<FileRecord> {
  const onWaiting = () => batch.progress.aside(() => tell(`waiting for ${visible(path)} …`))
  const record = isAwaited
    ? await session.lookup(path, { signal, onWaiting })
    : await session.lookup(path, { signal, wait: false })
  // It was published when the command began.
  if (record === undefined) throw new DyadError('ERR_DYAD_NOT_FOUND', { path })
  return record
}

function makeDestination(to: string): void {
  try {
    makeDirectory(to)
  } catch (cause) {
    throw new DyadError('ERR_DYAD_STORE', { path: to, cause })
  }
}

/** Keeps the first of several files that would be copied to one place. The others are failures. */
function withoutCollisions(files: readonly PlannedFile[], to: string | undefined, batch: Batch): PlannedFile[] {
  if (to === undefined) return [...files]
  const takers = new Map<string, string>()
  return files.filter(({ path, name }) => {
    const other = takers.get(name)
    if (other === undefined) takers.set(name, path)
    else batch.fail(path, new Error(`${path} would replace ${other}: both would be copied to ${join(to, name)}`))
    return other === undefined
  })
}

/** Collects the files that need no transfer because they are in the consumer-managed directory. */
class Present implements Disposable {
  readonly #locals = new Set<string>()
  readonly #note = (message: unknown) => {
    this.#locals.add((message as Diagnostics['dyad.consumer.present']).local)
  }

  constructor() {
    subscribe('dyad.consumer.present', this.#note)
  }

  /** Returns true if the file needed no transfer, and forgets it. */
  take(local: string): boolean {
    return this.#locals.delete(local)
  }

  [Symbol.dispose](): void {
    unsubscribe('dyad.consumer.present', this.#note)
  }
}
