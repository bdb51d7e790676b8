import { type Config, type ConfigOptions, DyadCore, type KvsClient, type Transport } from '@dyad-ts/core'
import { flatOptions, prepareStateDirectory, readConfigWithToken } from '@dyad-ts/core/internal'
import { DyadFile } from '@dyad-ts/streams'
import { checkMode, openKvs, openTransports } from './parts.js'

/** A session that owns the client of its store and its transports. */
export class Dyad extends DyadCore {
  readonly #kvs: KvsClient
  readonly #transports: readonly Transport[]
  readonly #isAlone: boolean
  #ended: Promise<void> | undefined

  private constructor(
    options: ConfigOptions,
    kvs: KvsClient,
    transports: readonly Transport[],
    isAlone: boolean,
    env: NodeJS.ProcessEnv | undefined,
  ) {
    super({ ...options, kvs, transports }, env)
    this.#kvs = kvs
    this.#transports = transports
    this.#isAlone = isAlone
  }

  /**
   * Composes a session. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
   * @param env variables that give what the options leave out; by default those of this process
   * @param openStore opens the client of the store that they name
   */
  static compose(
    given: ConfigOptions,
    env?: NodeJS.ProcessEnv,
    openStore: (config: Config) => KvsClient = openKvs,
  ): Dyad {
    const options = flatOptions(given)
    const config = readConfigWithToken(options, env)
    return new Dyad(options, openStore(config), openTransports(config), config.kvs === 'memory:', env)
  }

  /**
   * Opens a file of a managed directory for reading or writing, as node:fs/promises does; see
   * DyadFile.
   */
  open(...[path, flags, mode, options]: OpenArguments): Promise<DyadFile> {
    return DyadFile.open(this, path, flags, mode, options)
  }

  /**
   * Checks that the session has the transport that it was asked for, and a place for the notes of
   * its consumers. It creates the namespace in a store of this process alone, and does not ask
   * another store.
   */
  async prepare(): Promise<void> {
    const { namespace, dtlMode, consumerPath, stateDir } = this.config
    checkMode(dtlMode, this.#transports)
    if (consumerPath !== undefined) prepareStateDirectory(stateDir)
    if (namespace !== undefined && this.#isAlone) await this.#kvs.createNamespace(namespace)
  }

  /** Prepares the session, and asks the store whether it knows the namespace. */
  async greet(): Promise<void> {
    await this.prepare()
    const { namespace } = this.config
    if (namespace !== undefined && !this.#isAlone) await this.#kvs.namespace(namespace).get('greeting')
  }

  override close(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    try {
      await super.close()
    } finally {
      await Promise.all([this.#kvs.close(), ...this.#transports.map((transport) => transport.close())])
    }
  }
}

type OpenArguments = Parameters<typeof DyadFile.open> extends [unknown, ...infer Rest] ? Rest : never

/**
 * Opens a session. Missing options come from the DYAD_* variables of the environment, else from the
 * defaults (docs/configuration.md). Rejects if the store cannot be reached, if it refuses the
 * token, or if the transport of `dtlMode` cannot be used. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE,
 * ERR_DYAD_RDMA_UNAVAILABLE, ERR_DYAD_KVS_UNREACHABLE, ERR_DYAD_DENIED, ERR_DYAD_NAMESPACE_MISSING.
 */
export async function connect(options: ConfigOptions = {}): Promise<Dyad> {
  const session = Dyad.compose(options)
  try {
    await session.greet()
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}
