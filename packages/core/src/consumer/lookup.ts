import { within } from '../deadline.js'
import { report } from '../diagnostics.js'
import { DyadError, withContext } from '../errors.js'
import type { KvsNamespace } from '../kvs/contract.js'
import { decodeRecord, type FileRecord } from '../kvs/record.js'

/** What looking up needs to know of its session. */
export interface LookupContext {
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
}

/** How to wait for a record. */
export interface WaitOptions {
  /** Milliseconds to wait for the record; 0 is for ever. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Told once, when there is no record yet. */
  readonly onWaiting?: (() => void) | undefined
}

/** The newest record of a managed path, or undefined if it is not published. ERR_DYAD_METADATA, and the errors of KvsClient.get. */
export async function lookup(
  path: string,
  context: LookupContext,
  signal: AbortSignal,
): Promise<FileRecord | undefined> {
  try {
    const entry = await context.namespace().get(context.key(path), { signal })
    return entry === undefined ? undefined : decodeRecord(entry, path)
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path })
  }
}

/** The newest record of a managed path, as soon as there is one. ERR_DYAD_TIMEOUT, ERR_DYAD_METADATA, and the errors of KvsClient.waitFor. */
export async function waitForRecord(
  path: string,
  context: LookupContext,
  { timeout, signal, onWaiting }: WaitOptions,
): Promise<FileRecord> {
  const found = await lookup(path, context, signal)
  if (found !== undefined) return found
  const namespace = context.namespace()
  report('dyad.kvs.waiting', { path, namespace: namespace.name })
  onWaiting?.()
  const late = () =>
    new DyadError('ERR_DYAD_TIMEOUT', { path, detail: `waited ${timeout} ms in namespace '${namespace.name}'` })
  try {
    const entry = await within(timeout, late, signal, (bounded) =>
      namespace.waitFor(context.key(path), { signal: bounded }),
    )
    return decodeRecord(entry, path)
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path })
  }
}

/** The next record of the path after `record`, or undefined if none is published within `ms`. */
export async function newerThan(
  record: FileRecord,
  ms: number,
  context: LookupContext,
  signal: AbortSignal,
): Promise<FileRecord | undefined> {
  const key = context.key(record.path)
  const none = new Error('nothing newer was published')
  try {
    return await within(
      ms,
      () => none,
      signal,
      async (bounded) => {
        for await (const entry of context.namespace().watch(key, { signal: bounded })) {
          if (entry.key === key && entry.revision > record.generation) return decodeRecord(entry, record.path)
        }
        return undefined
      },
    )
  } catch (error) {
    if (error === none) return undefined
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path: record.path })
  }
}
