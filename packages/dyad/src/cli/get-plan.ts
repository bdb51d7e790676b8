import { isAbsolute, posix } from 'node:path'
import { DyadError } from '@dyad-ts/core'
import type { Dyad } from '../connect.js'
import type { Batch } from './batch.js'

/** A published file to get. */
export interface PlannedFile {
  readonly path: string
  /** Its name below the directory that `--to` names. */
  readonly name: string
  /** Whether to wait until it is published. */
  readonly isAwaited: boolean
  /** In bytes; undefined while it is not published. */
  readonly size: number | undefined
}

/** The kind of the names on a command line. */
export type Naming = 'paths' | 'folders' | 'patterns'

/**
 * Finds the files to get, each once. Paths may be published later; folders and patterns stand for
 * the files that are published now. Names follow cp -r: the file `a/b` becomes `b`, the folder
 * `a/b` becomes `b/…`, and `a/b/.` stands for its contents. A file that matches a pattern keeps its
 * path below the folders that the pattern names. The batch receives the failures.
 */
export async function planGet(
  words: readonly string[],
  naming: Naming,
  session: Dyad,
  batch: Batch,
  signal: AbortSignal,
): Promise<PlannedFile[]> {
  const planned = new Map<string, PlannedFile>()
  const listed = async (word: string, pattern: string, nameOf: (path: string) => string | undefined) => {
    let isEmpty = true
    for await (const { path, size } of session.list(pattern, { signal })) {
      const name = nameOf(path)
      if (name === undefined) continue
      isEmpty = false
      if (!planned.has(path)) planned.set(path, { path, name, isAwaited: false, size })
    }
    if (isEmpty) throw new DyadError('ERR_DYAD_NOT_FOUND', { path: word, detail: 'nothing that it names is published' })
  }
  for (const word of words) {
    const find = async () => {
      if (naming === 'patterns') {
        const base = baseOf(word)
        return listed(word, word, (path) => path.slice(base.length))
      }
      if (naming === 'folders') {
        const folder = await folderOf(word, session)
        const isBare = /(^|\/)\.\/?$/.test(word)
        return listed(word, '**', (path) => nameBelow(folder, path, isBare))
      }
      const file = await session.locateConsumed(word)
      if (file === undefined) {
        throw new DyadError('ERR_DYAD_UNTRACKED', { path: word, detail: session.config.consumerPath })
      }
      const { path } = file
      if (!planned.has(path)) planned.set(path, { path, name: posix.basename(path), isAwaited: true, size: undefined })
    }
    await batch.attempt(word, find, signal)
  }
  return [...planned.values()]
}

/** Returns the managed path of a folder; '' is the top. */
async function folderOf(word: string, session: Dyad): Promise<string> {
  if (isAbsolute(word)) {
    const file = await session.locateConsumed(posix.join(word, 'file'))
    if (file !== undefined) return posix.dirname(file.path).replace(/^\.$/, '')
    throw new DyadError('ERR_DYAD_UNTRACKED', { path: word, detail: session.config.consumerPath })
  }
  return posix.normalize(word).replace(/^\.?\/?$|\/$/, '')
}

function nameBelow(folder: string, path: string, isBare: boolean): string | undefined {
  if (folder === '') return path
  if (path === folder) return posix.basename(path)
  if (!path.startsWith(`${folder}/`)) return undefined
  return isBare ? path.slice(folder.length + 1) : posix.join(posix.basename(folder), path.slice(folder.length + 1))
}

/** Returns the folders that a pattern names before its first part with a special character. */
function baseOf(pattern: string): string {
  const parts = pattern.split('/')
  const plain = parts.findIndex((part) => /[*?[{\\]/.test(part))
  const folders = parts.slice(0, plain === -1 ? -1 : plain)
  return folders.map((part) => `${part}/`).join('')
}
