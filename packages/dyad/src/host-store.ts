import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { type Config, DyadError, isDyadError, type KvsClient } from '@dyad-ts/core'
import { optionText } from '@dyad-ts/core/internal'
import { type Broker, type BrokerStats, startBroker } from '@dyad-ts/kvs-client'
import { openKvs, readTls } from './parts.js'

/** The state of a store. */
export interface StoreStatus extends BrokerStats {
  /** Whether its records survive its process. */
  readonly durable: boolean
  /**
   * What happened when the store opened its records: for example, that it cut off the end of a
   * write that did not finish.
   */
  readonly notices: readonly string[]
}

/** A store that this process hosts. The caller of `hostStore` closes it. */
export interface HostedStore extends AsyncDisposable {
  readonly port: number
  /**
   * Address for clients in this process, and for those that reach this host by the name that the
   * options give it.
   */
  readonly url: string
  readonly reachableUrl: string
  readonly status: StoreStatus
  /**
   * Returns a client for a session of this process, which needs no socket; undefined if the options
   * of the session name another store or another token. The caller closes it.
   */
  clientFor(config: Config): KvsClient | undefined
}

/**
 * Hosts the key-value store at the port of the option `kvs`, and creates the namespace that the
 * options name, if any. ERR_DYAD_OPTION, ERR_DYAD_BIND, ERR_DYAD_LOG, ERR_DYAD_SYSTEM.
 */
export async function hostStore(config: Config, data?: string, signal?: AbortSignal): Promise<HostedStore> {
  if (config.kvs === 'memory:') {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: optionText('kvs'),
      detail: 'memory: is no address that other processes can reach',
      remedy: 'Set it to ws://HOST:PORT or wss://HOST:PORT.',
    })
  }
  const address = new URL(config.kvs)
  const broker = await startBroker({
    host: config.host,
    port: portOf(address),
    token: config.token,
    tls: readTls(config),
    data,
  }).catch((error: unknown) => {
    throw isTaken(error) ? error.within({ remedy: OTHER_PORT }) : error
  })
  try {
    const url = broker.url(address.hostname)
    if (config.namespace !== undefined) {
      await using kvs = openKvs({ ...config, kvs: url })
      await ensureNamespace(kvs, config.namespace, signal)
    }
    return hosted(broker, url, config, data !== undefined)
  } catch (error) {
    await broker.close()
    throw error
  }
}

function hosted(broker: Broker, url: string, { advertise, host, token }: Config, durable: boolean): HostedStore {
  const reachableUrl = broker.url(advertise ?? reachableName(host))
  const names = [url, reachableUrl].map((each) => new URL(each).href)
  return {
    port: broker.port,
    url,
    reachableUrl,
    get status() {
      return { ...broker.stats(), durable, notices: broker.notices }
    },
    clientFor(session) {
      const isOurs = session.token === token && names.includes(new URL(session.kvs).href)
      return isOurs ? broker.client(session.kvs, session.kvsTimeout) : undefined
    },
    [Symbol.asyncDispose]: () => broker.close(),
  }
}

const OTHER_PORT =
  'Another process listens there, which may be a store: use it by leaving out --broker, or choose another port with --kvs ws://HOST:PORT (DYAD_KVS).'

function isTaken(error: unknown): error is DyadError {
  return (
    isDyadError(error, 'ERR_DYAD_BIND') && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
  )
}

/** URL omits the default port of its scheme. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'wss:' ? 443 : 80) : Number(port)
}

/**
 * Returns a name under which others reach a server that is bound to `host`: `host` itself, unless
 * that means every address.
 */
export function reachableName(host: string): string {
  const everywhere = isIP(host) !== 0 && /^[0:.]+$/.test(host)
  return everywhere ? hostname() : host
}

async function ensureNamespace(kvs: KvsClient, name: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await kvs.createNamespace(name, { signal })
  } catch (error) {
    if (!isDyadError(error, 'ERR_DYAD_NAMESPACE_EXISTS')) throw error
  }
}
