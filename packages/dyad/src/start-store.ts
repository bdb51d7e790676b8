import { hostname } from 'node:os'
import { type ConfigOptions, DyadError, isDyadError } from '@dyad-ts/core'
import { flatOptions, readConfigWithToken, wrongOption } from '@dyad-ts/core/internal'
import { openControl } from '@dyad-ts/service'
import { closing } from './closing.js'
import { type HostedStore, hostStore, type StoreStatus } from './host-store.js'
import { assertNamespaceName } from './start.js'

/** Options of {@link startStore}. */
export interface StartStoreOptions extends ConfigOptions {
  /**
   * Directory of the records, which survive the process there.
   * @default none: records are kept in memory
   */
  data?: string | undefined
  /**
   * Cancels the start, which then rejects with the signal's reason. `close` ends a store that runs.
   * @default none
   */
  signal?: AbortSignal | undefined
}

/** The state of a running store without a node. */
export interface AloneStatus {
  /** Its address. */
  readonly kvs: string
  readonly host: string
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly broker: StoreStatus
  /** Whether it runs without a token, open to every user of this host. */
  readonly open: boolean
}

/** A store that runs in this process. The caller of `startStore` closes it. */
export interface RunningStore extends AsyncDisposable {
  readonly status: AloneStatus
  /** Resolves when `dyad stop` asks the store to end. */
  readonly stopped: Promise<void>
  /** Ends the store. */
  close(): Promise<void>
}

/**
 * Returns the name under which a store listens for the commands of its host. No node can have it.
 */
export function storeControlName(port: number): string {
  return `\x01broker ${port}`
}

/**
 * Starts a key-value store without a node, at the port of the option `kvs`, and creates the
 * namespace that the options name, if any. ERR_DYAD_OPTION, ERR_DYAD_BIND, ERR_DYAD_LOG,
 * ERR_DYAD_SYSTEM.
 */
export async function startStore(given: StartStoreOptions): Promise<RunningStore> {
  const { data, signal, ...options } = flatOptions(given)
  if (data !== undefined && typeof data !== 'string') throw wrongOption('data', data, 'a directory')
  const config = readConfigWithToken(options)
  assertNamespaceName(config)
  const store = await hostStore(config, data, signal)
  const about = { host: hostname(), pid: process.pid, startedAt: Date.now(), open: config.token === undefined }
  const status = (): AloneStatus => ({ ...about, kvs: store.reachableUrl, broker: store.status })
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const control = await openControl(config.stateDir, storeControlName(store.port), (word) => {
    if (word === 'stop') stop()
    return word === 'stop' || word === 'status' ? status() : undefined
  }).catch(async (error: unknown) => {
    await store[Symbol.asyncDispose]()
    throw isDyadError(error, 'ERR_DYAD_NODE_TAKEN') ? alreadyThere(store, error) : error
  })
  const close = closing([store, control])
  return {
    get status() {
      return status()
    },
    stopped,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Returns the error for a port that another store of this user has in another network namespace.
 */
function alreadyThere({ port }: HostedStore, cause: unknown): DyadError {
  return new DyadError('ERR_DYAD_BIND', { detail: `a store of yours runs at port ${port} of this host already`, cause })
}
