import type { ConfigOptions } from '@dyad-ts/core'
import { Outages, readConfigWithToken } from '@dyad-ts/core/internal'
import type { BrokerClient } from '@dyad-ts/kvs-client'
import { Dyad } from '../connect.js'
import { openKvs } from '../parts.js'
import { assertSharedStore } from './shared-store.js'

/**
 * Runs `work` in a session, which an abort ends at any stage. Paths on a command line are relative
 * to the managed directories. A publish ends before its command does. `work` makes the first
 * request to the store, with the limits of that request.
 */
export async function withSession<T>(
  options: ConfigOptions,
  signal: AbortSignal,
  work: (session: Dyad) => Promise<T>,
): Promise<T> {
  assertSharedStore(options)
  const session = Dyad.compose({ ...options, relative: true, asyncPublish: false })
  return ending(signal, session, async () => {
    await session.prepare()
    return work(session)
  })
}

/** Runs `work` with a client of the store, which an abort closes. */
export async function withStore<T>(
  options: ConfigOptions,
  signal: AbortSignal,
  work: (kvs: BrokerClient) => Promise<T>,
): Promise<T> {
  assertSharedStore(options)
  const kvs = openKvs(readConfigWithToken(options))
  using _ = new Outages(kvs)
  return await ending(signal, kvs, () => work(kvs))
}

/** Rejects with the reason of the abort, whatever error the interrupted call fails with. */
async function ending<T>(
  signal: AbortSignal,
  resource: { close(): Promise<void> },
  work: () => Promise<T>,
): Promise<T> {
  const end = () => void resource.close().catch(() => {})
  signal.addEventListener('abort', end, { once: true })
  try {
    signal.throwIfAborted()
    const result = await work()
    await resource.close()
    return result
  } catch (error) {
    await resource.close().catch(() => {})
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}
