import type { OpenSession } from '@dyad-ts/agent'
import { DyadError, readConfig } from '@dyad-ts/core'
import { Dyad } from './connect.js'
import type { HostedStore } from './host-store.js'
import { openKvs } from './parts.js'

/**
 * Opens the sessions of programs that an agent serves. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE,
 * ERR_DYAD_RDMA_UNAVAILABLE.
 * @param store the store that the agent's process hosts, if it hosts one
 */
export const sessionsBeside =
  (store?: HostedStore): OpenSession =>
  async (options, env) => {
    if (readConfig(options, env).kvs === 'memory:') {
      const detail = 'DYAD_KVS is memory:, in which programs with other variables would find nothing'
      throw new DyadError('ERR_DYAD_OPTION', { detail })
    }
    const session = Dyad.compose(options, env, (config) => store?.clientFor(config) ?? openKvs(config))
    try {
      await session.prepare()
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }
