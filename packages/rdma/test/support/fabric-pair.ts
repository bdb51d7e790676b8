import { fabricAddresses } from '../../src/transport/fabric.js'
import type { CmId } from '../../src/verbs/connection-manager.js'
import { ACCESS } from '../../src/verbs/constants.js'
import { loadVerbs } from '../../src/verbs/library.js'
import { Loopback, LoopbackEnd } from '../../src/verbs/loopback.js'

const RECEIVES = 32
/** In the emulated guest, a million requests take twice as long with a queue of 32. */
const SENDS = 256
/** Memory of each end, in bytes. */
export const MEMORY_BYTES = 1024 * 1024

/** One end of a connection that uses nothing but the binding, and keeps what it receives. */
export class FabricEnd extends LoopbackEnd {
  /** Immediates or lengths, oldest first. */
  readonly received: number[] = []

  constructor(id: CmId, access: number, messageBytes = 64) {
    super(id, { sends: SENDS, receives: RECEIVES, messageBytes, memoryBytes: MEMORY_BYTES, access })
    this.onReceived = (what) => this.received.push(what)
  }
}

/** Connects two ends in this process, over the first address of a verbs device. */
export function fabricPair(access = ACCESS.localWrite | ACCESS.mwBind): Promise<Loopback<FabricEnd>> {
  const verbs = loadVerbs()
  const [host = ''] = fabricAddresses(verbs)
  return Loopback.connect(verbs, host, (id) => new FabricEnd(id, access))
}
