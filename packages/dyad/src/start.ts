import { agentPath, openAgent } from '@dyad-ts/agent'
import { type Config, type ConfigOptions, DyadError, isDyadError, isNamespaceName, type NodeEntry } from '@dyad-ts/core'
import {
  flatOptions,
  isLoopbackHost,
  loopbackAdvice,
  Outages,
  readConfigWithToken,
  reasonOf,
  wrongOption,
} from '@dyad-ts/core/internal'
import {
  askControl,
  type Control,
  controlPath,
  type LeftOut,
  openControl,
  Service,
  type SilentHolder,
} from '@dyad-ts/service'
import { sessionsBeside } from './agent-session.js'
import { closing } from './closing.js'
import { hostStore, reachableName, type StoreStatus } from './host-store.js'
import { checkMode, openKvs, openTransports } from './parts.js'

/** How long a takeover waits for a service of this host to answer and to end, in ms. */
const ANSWER_MS = 10_000

/** Options of `start`. */
export interface StartOptions extends ConfigOptions {
  /**
   * Managed directories to serve; `start` creates missing ones.
   * @default the options producerPath and consumerPath
   */
  directories?: readonly string[] | undefined
  /**
   * Whether to host the key-value store as well, at the port of the option `kvs`, with the
   * namespace that the options name, if any.
   * @default false
   */
  broker?: boolean | undefined
  /**
   * Directory of the store's database; records in it survive the process. Only with `broker`.
   * @default none: records are kept in memory
   */
  data?: string | undefined
  /** Whether to take the node from another service that runs. @default false */
  takeover?: boolean | undefined
  /**
   * Called when the start waits for the lease of a service that gives no sign of life.
   * @default none
   */
  onWaiting?: ((silent: SilentHolder) => void) | undefined
  /**
   * Cancels the start, which then rejects with the signal's reason. `close` ends a node that runs.
   * @default none
   */
  signal?: AbortSignal | undefined
}

/** The state of a running node. */
export interface NodeStatus extends NodeEntry {
  /** Address of the store. */
  readonly kvs: string
  /** The transports that it does not offer because this host cannot use them. */
  readonly unavailable: readonly LeftOut[]
  /** The obstacles for other nodes that fetch from here, each with its remedy. */
  readonly warnings: readonly string[]
  /** The state of the store, if this process hosts it. */
  readonly broker?: StoreStatus
  /** Why the service has ended, as a clause for a person, if it has. */
  readonly lost?: string
  /** Whether it runs without a token, open to every user of this host. */
  readonly open: boolean
}

/** A node that runs in this process. The caller of `start` closes it. */
export interface RunningNode extends AsyncDisposable {
  readonly status: NodeStatus
  /**
   * Fires when the service of this node has ended: with ERR_DYAD_NODE_TAKEN if another service took
   * the node over, else with the error of the store that refuses it. A store that this node hosts
   * continues until `close`. Without one the caller has nothing left to do.
   */
  readonly lost: AbortSignal
  /** Resolves when `dyad stop` asks the node to end. */
  readonly stopped: Promise<void>
  /** Ends the service, and the store that it hosts. */
  close(): Promise<void>
}

/**
 * Starts the service of this node, and the store with the option `broker`. The service offers every
 * transport that this host can use. The start fails if it cannot offer the one of `dtlMode`.
 * ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE, ERR_DYAD_RDMA_UNAVAILABLE, ERR_DYAD_BIND,
 * ERR_DYAD_NODE_TAKEN, ERR_DYAD_KVS_UNREACHABLE, ERR_DYAD_DENIED, ERR_DYAD_LOG, ERR_DYAD_SYSTEM.
 */
export async function start(given: StartOptions): Promise<RunningNode> {
  const { directories, broker: hostsBroker, data, takeover, onWaiting, signal, ...options } = flatOptions(given)
  if (directories !== undefined && !isTexts(directories))
    throw wrongOption('directories', directories, 'an array of texts')
  if (data !== undefined && typeof data !== 'string') throw wrongOption('data', data, 'a directory')
  if (data !== undefined && !hostsBroker) {
    throw new DyadError('ERR_DYAD_OPTION', {
      option: 'data',
      path: data,
      detail: 'it keeps the records of a store, and the option broker is not set',
    })
  }
  const config = readConfigWithToken(options)
  assertNamespaceName(config)
  const parts: AsyncDisposable[] = []
  const close = closing(parts)
  try {
    let stop: () => void = () => {}
    const stopped = new Promise<void>((resolve) => {
      stop = resolve
    })
    let node: RunningNode | undefined
    if (takeover) await endServiceHere(config)
    const control: Control = await openControl(config.stateDir, config.node, (word) => {
      if (word === 'stop') stop()
      return word === 'stop' || word === 'status' ? node?.status : undefined
    })
    parts.push(control)
    const store = hostsBroker ? await hostStore(config, data, signal) : undefined
    if (store !== undefined) parts.push(store)
    const kvsUrl = store?.url ?? config.kvs
    const kvs = openKvs({ ...config, kvs: kvsUrl })
    const outages = new Outages(kvs)
    parts.push({ [Symbol.asyncDispose]: async () => outages[Symbol.dispose]() }, kvs)
    const advertise = config.advertise ?? reachableName(config.host)
    const transports = openTransports({ ...config, advertise })
    const isElsewhere = config.kvs !== 'memory:' && !isLoopbackHost(new URL(config.kvs).hostname)
    parts.push(...transports)
    checkMode(config.dtlMode, transports)
    const service = await Service.start({
      node: config.node,
      directories:
        directories ?? [...new Set([config.producerPath, config.consumerPath])].filter((path) => path !== undefined),
      kvs,
      transports,
      required: config.dtlMode,
      leaseTtl: config.leaseTtl,
      takeover,
      reach: isElsewhere && isLoopbackHost(advertise) ? 'host' : undefined,
      onWaiting,
      signal,
    })
    parts.push(service)
    parts.push(
      await openAgent({
        path: agentPath(config.stateDir, config.node),
        stateDir: config.stateDir,
        openSession: sessionsBeside(store),
      }),
    )
    const lost = new AbortController()
    service.lost.addEventListener('abort', async () => {
      await service.close().catch(() => {})
      lost.abort(service.lost.reason)
    })
    node = {
      get status(): NodeStatus {
        return {
          ...service.entry,
          open: config.token === undefined,
          unavailable: service.unavailable,
          warnings: service.entry.reach === 'host' ? [loopbackAdvice(config.node)] : [],
          kvs: store?.reachableUrl ?? kvsUrl,
          ...(store && { broker: store.status }),
          ...(service.lost.aborted && { lost: whyLost(service.lost.reason) }),
        }
      },
      lost: lost.signal,
      stopped,
      close,
      [Symbol.asyncDispose]: close,
    }
    return node
  } catch (error) {
    await close()
    throw error
  }
}

/** The mistake shows at the start, and not with the first file. ERR_DYAD_NAMESPACE_NAME. */
export function assertNamespaceName({ namespace }: Config): void {
  if (namespace === undefined || isNamespaceName(namespace)) return
  throw new DyadError('ERR_DYAD_NAMESPACE_NAME', { namespace })
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/**
 * Ends the service of the node that runs for this user on this host, and waits for its end.
 * ERR_DYAD_NODE_TAKEN if its process hosts a store, which a takeover must not end.
 */
async function endServiceHere({ stateDir, node }: Config): Promise<void> {
  const path = controlPath(stateDir, node)
  const running = (await askControl(path, 'status', { timeout: ANSWER_MS })) as NodeStatus | null | undefined
  if (running === undefined) return
  if (running?.broker !== undefined) {
    const detail = `process ${running.pid} on this host also hosts the store, which goes on; \`dyad stop\` ends both`
    throw new DyadError('ERR_DYAD_NODE_TAKEN', { node, detail })
  }
  await askControl(path, 'stop', { untilClosed: true, timeout: ANSWER_MS })
}

function whyLost(reason: unknown): string {
  const why = reasonOf(reason)
  return isDyadError(reason, 'ERR_DYAD_NODE_TAKEN') ? `the node is another's: ${why}` : why
}
