import { preloadLibrary, whyMissing } from '@dyad-ts/native'
import { NETWORK_MODE, Nodes } from '../nodes.js'
import { NotAvailable } from '../part.js'
import type { Site } from '../site.js'
import type { World } from './world.js'

/**
 * This DYAD: programs under the preload library, on two nodes. NotAvailable without the library.
 */
export async function preloaded(site: Site, dtlMode: string = NETWORK_MODE): Promise<World> {
  const LD_PRELOAD = preloadLibrary()
  if (LD_PRELOAD === undefined) throw new NotAvailable(whyMissing())
  const nodes = await Nodes.start(site)
  await nodes.node('B')
  const producer = nodes.produced
  const consumer = site.path('b')
  return {
    name: `DYAD over ${dtlMode}`,
    producer: {
      directory: producer,
      env: { ...nodes.environment('A'), DYAD_PATH_PRODUCER: producer, LD_PRELOAD },
    },
    consumer: {
      directory: consumer,
      env: { ...nodes.environment('B'), DYAD_PATH_CONSUMER: consumer, DYAD_DTL_MODE: dtlMode, LD_PRELOAD },
    },
    async begin() {},
    clear: () => nodes.clear(['b']),
  }
}
