import type { OpenSession } from '@dyad/agent'
import { DyadError, readConfig } from '@dyad/core'
import { Dyad } from './connect.js'

/** Opens the session of a program that the agent serves. ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE, ERR_DYAD_RDMA_UNAVAILABLE. */
export const openSession: OpenSession = async (options, env) => {
  if (readConfig(options, env).kvs === 'memory:') {
    const detail = 'DYAD_KVS is memory:, in which programs with other variables would find nothing'
    throw new DyadError('ERR_DYAD_OPTION', { detail })
  }
  const session = Dyad.compose(options, env)
  try {
    await session.prepare()
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}
