import type { BigIntStats } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { basename, join, posix, resolve } from 'node:path'
import { DyadError, type ManagedFile } from '@dyad-ts/core'
import { managedPathFault } from '@dyad-ts/core/internal'
import type { Dyad } from '../connect.js'
import type { Batch } from './batch.js'

/** A file to publish, and its target. */
export interface PlannedFile {
  readonly source: string
  /** In bytes; 0 of a pipe. */
  readonly size: number
  readonly target: ManagedFile
  /** Whether the source is the target, so that nothing is copied. */
  readonly isInPlace: boolean
}

export interface PlanOptions {
  /** The folder of the namespace that the files come into. */
  readonly to: string | undefined
  /** Whether to put all files of folders. */
  readonly recursive: boolean
}

/**
 * Finds all files to publish before any is copied, so that it does not find copies. Names in the
 * namespace follow cp -r: the folder `a/b` becomes `b/…`, and `a/b/.` stands for its contents.
 * Without `to`, files of the producer-managed directory keep their names. The batch receives the
 * files that fail or are left out. Rejects with an error that concerns all files, and with the
 * signal's reason.
 */
export async function planPut(
  words: readonly string[],
  { to, recursive }: PlanOptions,
  session: Dyad,
  batch: Batch,
  signal: AbortSignal,
): Promise<PlannedFile[]> {
  const planned = new Map<string, PlannedFile>()
  const producer = await stat(session.config.producerPath ?? '', { bigint: true }).catch(() => undefined)

  const attempt = (source: string, work: () => Promise<void>) => batch.attempt(source, work, signal)

  const add = (source: string, name: string, { size }: BigIntStats) =>
    attempt(source, async () => {
      const here = await session.locateProduced(resolve(source))
      const target =
        to === undefined ? (here ?? (await locate(session, name))) : await locate(session, posix.join(to, name))
      const file = { source, size: Number(size), target, isInPlace: here?.local === target.local }
      const other = planned.get(target.path)
      if (other === undefined) planned.set(target.path, file)
      else if (resolve(other.source) !== resolve(source)) {
        throw new Error(`${source} would replace ${other.source}: both have the managed path ${target.path}`)
      }
    })

  const walk = async (folder: string, prefix: string): Promise<void> => {
    const isManaged = (await session.locateProduced(join(resolve(folder), 'file'))) !== undefined
    const folders: [string, string][] = [[folder, prefix]]
    for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
      const [directory, inside] = at
      await attempt(directory, async () => {
        const below: [string, string][] = []
        for (const entry of (await readdir(directory)).sort()) {
          const source = join(directory, entry)
          const name = posix.join(inside, entry)
          await attempt(source, async () => {
            const found = await lstat(source, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
              const isGarbled = error.code === 'ENOENT' && entry.includes('\ufffd')
              throw isGarbled ? new Error(`${source}: its name is not UTF-8`, { cause: error }) : error
            })
            if (found.isDirectory()) {
              if (!isManaged && isSame(found, producer)) {
                batch.leaveOut(source, 'it is the producer-managed directory itself')
              } else below.push([source, name])
            } else if (found.isFile()) {
              // Temporary files of streams lie beside their targets.
              if (!isManaged || managedPathFault(entry) === undefined) await add(source, name, found)
            } else batch.leaveOut(source, found.isSymbolicLink() ? 'it is a symbolic link' : 'it is no regular file')
          })
        }
        folders.push(...below.reverse())
      })
    }
  }

  for (const word of words) {
    await attempt(word, async () => {
      const found = await stat(word, { bigint: true })
      if (found.isFile() || found.isFIFO()) return add(word, basename(word), found)
      if (!found.isDirectory()) throw new Error(`${word} is neither a file nor a folder`)
      if (!recursive) throw new Error(`${word} is a folder: give --recursive to put all files in it`)
      const name = basename(word)
      await walk(word, name === '.' || name === '..' ? '' : name)
    })
  }
  return [...planned.values()]
}

async function locate(session: Dyad, path: string): Promise<ManagedFile> {
  const target = await session.locateProduced(path)
  if (target === undefined) throw new DyadError('ERR_DYAD_UNTRACKED', { path, detail: session.config.producerPath })
  return target
}

function isSame(a: BigIntStats, b: BigIntStats | undefined): boolean {
  return a.ino === b?.ino && a.dev === b.dev
}
