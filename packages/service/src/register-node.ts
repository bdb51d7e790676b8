import { DyadError, isDyadError, type KvsClient, type NodeEntry, type Registration } from '@dyad-ts/core'
import { decodeNodeEntry, encodeNodeEntry } from '@dyad-ts/core/internal'
import { isRunning } from './processes.js'

/**
 * The registered holder of a node that gives no sign of life, and how many ms it may hold the node
 * at most.
 */
export interface SilentHolder {
  readonly holder: NodeEntry | undefined
  readonly ms: number
}

/** Options of a node's registration. */
export interface RegisterNodeOptions {
  /** Milliseconds that the node stays registered after the last sign of life. */
  readonly leaseTtl: number
  /** Whether to take the node from another service. @default false */
  readonly takeover?: boolean | undefined
  /** Called when the call waits for the lease of a holder without a sign of life. @default none */
  readonly onWaiting?: ((silent: SilentHolder) => void) | undefined
  /** Ends the call early. It rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal | undefined
}

/**
 * Registers a node. Waits for the end of the lease of a holder without a sign of life, unless the
 * process of that holder was on this host and has ended. ERR_DYAD_NODE_TAKEN, which names the
 * holder, and the errors of KvsClient.register.
 */
export async function registerNode(
  kvs: KvsClient,
  entry: NodeEntry,
  { leaseTtl: ttl, takeover, onWaiting, signal }: RegisterNodeOptions,
): Promise<Registration> {
  const value = encodeNodeEntry(entry)
  let former: number | undefined
  try {
    for (;;) {
      const ended = new AbortController()
      const waiting = async (ms: number) => {
        const found = await holderOf(kvs, entry.node)
        const hasEnded = found !== undefined && isRunning(found.holder) === false
        if (hasEnded && found.revision !== former) ended.abort(new HolderEnded(found.revision))
        else onWaiting?.({ holder: found?.holder, ms })
      }
      try {
        return await kvs.register(entry.node, value, {
          ttl,
          takeover,
          former,
          signal: signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]),
          // An exception of the caller's function ends the call.
          onWaiting: (ms) => void waiting(ms).catch((error) => ended.abort(error)),
        })
      } catch (error) {
        if (!(error instanceof HolderEnded)) throw error
        former = error.revision
      }
    }
  } catch (error) {
    throw isDyadError(error, 'ERR_DYAD_NODE_TAKEN') ? await takenBy(kvs, entry.node, error) : error
  }
}

/** The reason that ends a wait for the lease of an ended process. */
class HolderEnded extends Error {
  /** The revision of its entry in the registry. */
  readonly revision: number

  constructor(revision: number) {
    super('the holder has ended')
    this.revision = revision
  }
}

/** Returns the error that a node is taken, with the service that holds the node now. */
export async function takenBy(kvs: KvsClient, node: string, cause: unknown): Promise<DyadError> {
  const found = await holderOf(kvs, node)
  return new DyadError('ERR_DYAD_NODE_TAKEN', {
    node,
    detail: found && describeHolder(found.holder),
    cause,
  })
}

/** Describes the service that holds a node, for a message. */
export function describeHolder({ pid, host, startedAt }: NodeEntry): string {
  const since = new Date(startedAt)
  const time = Number.isNaN(since.getTime()) ? 'an unknown time' : since.toISOString()
  return `process ${pid} on host '${host}' has served it since ${time}`
}

/**
 * Returns the holder of a node and the revision of its entry, or undefined if the store knows none.
 */
async function holderOf(kvs: KvsClient, node: string): Promise<{ holder: NodeEntry; revision: number } | undefined> {
  try {
    const entry = await kvs.registry.get(node)
    return entry && { holder: decodeNodeEntry(entry), revision: entry.revision }
  } catch {
    return undefined
  }
}
