import type { LookupContext } from '../consumer/lookup.js'
import { tellOnStderr } from '../diagnostics.js'
import { DyadError } from '../errors.js'
import { Temporaries } from '../files/temporaries.js'
import type { KvsClient, KvsNamespace, Waiting } from '../kvs/contract.js'
import { keyOf } from '../kvs/key.js'
import { type OutageListener, Outages } from '../kvs/outages.js'
import { Operations } from '../operations.js'
import { type Config, noteHealth, readConfig } from '../options/config.js'
import type { ConfigOptions } from '../options/config-options.js'
import { flatOptions, wrongOption } from '../options/flat-options.js'
import type { Transport } from '../transfer/contract.js'

/** Options of a session. The caller closes the store's client and the transports. */
export interface DyadCoreOptions extends Omit<ConfigOptions, 'kvs'> {
  kvs: KvsClient
  /** The transports that files may be fetched over, best first. */
  transports: readonly Transport[]
}

/** What producing, looking up and consuming share. The maker disposes of it last. */
export class Session implements Disposable {
  readonly config: Omit<Config, 'kvs'>
  readonly kvs: KvsClient
  readonly transports: readonly Transport[]
  readonly operations = new Operations()
  readonly temporaries = new Temporaries()
  readonly outages: Outages
  readonly lookup: LookupContext
  readonly #stderr: Disposable | undefined

  /** ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE. */
  constructor(given: DyadCoreOptions, env: NodeJS.ProcessEnv) {
    const { kvs, transports, ...options } = flatOptions(given)
    if (typeof kvs?.onOutage !== 'function') throw wrongOption('kvs', kvs, 'a client of a store')
    if (!Array.isArray(transports)) throw wrongOption('transports', transports, 'an array')
    const config = readConfig(options, env)
    const outages = new Outages(kvs)
    this.config = config
    this.kvs = kvs
    this.transports = transports
    this.outages = outages
    this.lookup = {
      namespace: () => this.namespace(),
      outage: () => outages.current,
      key: (path) => keyOf(path, config.keyDepth, config.keyBins),
    }
    this.#stderr = config.syncDebug ? tellOnStderr() : undefined
  }

  /** Returns the namespace of the session. ERR_DYAD_OPTION if none is set. */
  namespace(): KvsNamespace {
    const { namespace } = this.config
    if (namespace === undefined) {
      throw new DyadError('ERR_DYAD_OPTION', {
        option: 'namespace (DYAD_KVS_NAMESPACE)',
        detail: 'not set',
        remedy: 'Set it to the namespace that the producers and the consumers share.',
      })
    }
    return this.kvs.namespace(namespace)
  }

  /** Runs an operation, and calls the caller's listener when the store goes away meanwhile. */
  waiting<T, Options extends OutageListener & Waiting>(
    given: Options,
    work: (signal: AbortSignal, options: Options) => Promise<T>,
  ): Promise<T> {
    let options: Options
    try {
      options = flatOptions(given)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.outages.during(options, () => this.operations.run(options.signal, (signal) => work(signal, options)))
  }

  /** Returns a signal that fires when the caller's does, or when the session ends. */
  lifetime(signal: AbortSignal | undefined): AbortSignal {
    const { closing } = this.operations
    return signal === undefined ? closing : AbortSignal.any([closing, signal])
  }

  /** Sets DYAD_SYNC_HEALTH after a synchronization, with the option `syncCheck`. */
  noteHealth(): void {
    if (this.config.syncCheck) noteHealth()
  }

  [Symbol.dispose](): void {
    this.outages[Symbol.dispose]()
    this.#stderr?.[Symbol.dispose]()
  }
}
