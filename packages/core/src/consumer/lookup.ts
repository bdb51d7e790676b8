import { within } from '../deadline.js'
import { report } from '../diagnostics.js'
import { DyadError, withContext } from '../errors.js'
import type { KvsNamespace, KvsOutage } from '../kvs/contract.js'
import { outageText } from '../kvs/outages.js'
import { decodeRecord, type FileRecord, mayBeNewer } from '../kvs/record.js'

/** The part of a session that looking up uses. */
export interface LookupContext {
  readonly namespace: () => KvsNamespace
  readonly key: (path: string) => string
  /** Why the store cannot be asked at this moment, if so. */
  readonly outage: () => KvsOutage | undefined
}

/**
 * How long before its end a wait asks the store once more, in ms: a store that hangs must not pass
 * for a late producer.
 */
const LAST_QUESTION_MS = 1_000

/** How to wait for a record. */
export interface WaitOptions {
  /** Milliseconds to wait for the record; 0 is for ever. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Called once, if there is no record yet. */
  readonly onWaiting?: (() => void) | undefined
}

/**
 * Resolves with the newest record of a managed path, or with undefined if it is not published.
 * ERR_DYAD_METADATA, and the errors of KvsClient.get.
 * @param timeout milliseconds that the store may take; 0 leaves that to its client
 */
export async function lookup(
  path: string,
  context: LookupContext,
  signal: AbortSignal,
  timeout = 0,
): Promise<FileRecord | undefined> {
  try {
    const late = () => unanswered(path, timeout, context)
    const entry = await within(timeout, late, signal, (bounded) =>
      context.namespace().get(context.key(path), { signal: bounded }),
    )
    return entry === undefined ? undefined : decodeRecord(entry, path)
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path })
  }
}

/**
 * Resolves with the newest record of a managed path as soon as there is one. ERR_DYAD_TIMEOUT,
 * ERR_DYAD_METADATA, and the errors of KvsClient.waitFor; ERR_DYAD_KVS_UNREACHABLE if the store
 * does not answer in `timeout`.
 */
export async function waitForRecord(
  path: string,
  context: LookupContext,
  { timeout, signal, onWaiting }: WaitOptions,
): Promise<FileRecord> {
  const namespace = context.namespace()
  const key = context.key(path)
  let isAnswered = false
  const late = () =>
    isAnswered && context.outage() === undefined
      ? unpublished(path, timeout, namespace)
      : unanswered(path, timeout, context)
  const ask = async (bounded: AbortSignal) => {
    isAnswered = false
    const found = await namespace.get(key, { signal: bounded })
    isAnswered = true
    return found
  }
  let lastQuestion: NodeJS.Timeout | undefined
  try {
    return await within(timeout, late, signal, async (bounded) => {
      const found = await ask(bounded)
      if (found !== undefined) return decodeRecord(found, path)
      report('dyad.kvs.waiting', { path, namespace: namespace.name })
      onWaiting?.()
      if (timeout >= 2 * LAST_QUESTION_MS) {
        lastQuestion = setTimeout(() => ask(bounded).catch(() => {}), timeout - LAST_QUESTION_MS)
      }
      return decodeRecord(await namespace.waitFor(key, { signal: bounded }), path)
    })
  } catch (error) {
    signal.throwIfAborted()
    throw withContext(error, 'ERR_DYAD_KVS_UNREACHABLE', { path })
  } finally {
    clearTimeout(lastQuestion)
  }
}

function unpublished(path: string, timeout: number, { name }: KvsNamespace): DyadError {
  return new DyadError('ERR_DYAD_TIMEOUT', { path, namespace: name, detail: `waited ${timeout} ms` })
}

function unanswered(path: string, timeout: number, { outage }: LookupContext): DyadError {
  const known = outage()
  const why = known === undefined ? '' : `; ${outageText(known)}`
  const detail = `no answer in ${timeout} ms, the time that the caller allows${why}`
  // A store that is not known to be away may only need more time.
  const remedy =
    known === undefined ? 'Allow more time (timeout), or check that the store responds (`dyad status`).' : undefined
  return new DyadError('ERR_DYAD_KVS_UNREACHABLE', { path, detail, remedy, cause: known?.why })
}

/**
 * Resolves with the next record of the path after `record`, or with undefined if none is published
 * within `ms`.
 */
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
          if (entry.key !== key) continue
          const found = decodeRecord(entry, record.path)
          if (mayBeNewer(found, record)) return found
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
