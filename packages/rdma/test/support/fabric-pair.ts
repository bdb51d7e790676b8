import { fabricAddresses } from '../../src/transport/fabric.js'
import type { CmId } from '../../src/verbs/connection-manager.js'
import { ACCESS } from '../../src/verbs/constants.js'
import { loadVerbs } from '../../src/verbs/library.js'
import { Loopback, LoopbackEnd } from '../../src/verbs/loopback.js'

const RECEIVES = 32
/** In the emulated guest, a million requests take twice as long with a queue of thirty-two. */
const SENDS = 256
/** Of each end. */
export const MEMORY_BYTES = 1024 * 1024

/** One end of a connection made with nothing but the binding, which remembers what it received. */
export class FabricEnd extends LoopbackEnd {
  /** Oldest first: immediates, or lengths. */
  readonly received: number[] = []

  constructor(id: CmId, access: number, messageBytes = 64) {
    super(id, { sends: SENDS, receives: RECEIVES, messageBytes, memoryBytes: MEMORY_BYTES, access })
    this.onReceived = (what) => this.received.push(what)
  }
}

/** Two connected ends in this process, over the first address of a verbs device. */
export function fabricPair(access = ACCESS.localWrite | ACCESS.mwBind): Promise<Loopback<FabricEnd>> {
  const verbs = loadVerbs()
  const [host = ''] = fabricAddresses(verbs)
  return Loopback.connect(verbs, host, (id) => new FabricEnd(id, access))
}
