import { isDyadError } from '@dyad-ts/core'
import { fabricAddresses } from './transport/fabric.js'
import { ACCESS } from './verbs/constants.js'
import { CompletionError } from './verbs/faults.js'
import { loadVerbs, unavailable } from './verbs/library.js'
import { Loopback, LoopbackEnd } from './verbs/loopback.js'

/** Result of a trial of a device. */
export interface DeviceTrial {
  /** Address at which the device was connected with itself. */
  readonly address: string
  /** Milliseconds to connect and to register memory. */
  readonly connecting: number
  /** MiB a second of RDMA writes from this process into itself. */
  readonly speed: number
}

/** Options of {@link tryDevices}. */
export interface TrialOptions {
  /** Bytes of each write. @default 1048576 */
  readonly operationBytes?: number | undefined
  /** Bytes of all writes. @default 268435456 */
  readonly totalBytes?: number | undefined
}

const MiB = 1024 * 1024
const OPERATION_BYTES = MiB
const TOTAL_BYTES = 256 * MiB
/** Writes under way at once: enough that the device never waits for this process. */
const IN_FLIGHT = 16
const SENDS = 64
/** Where writes begin: behind the memory of received messages. */
const DATA_AT = 64 * 1024

/**
 * Connects each verbs device of this host with itself, and writes. ERR_DYAD_RDMA_UNAVAILABLE with
 * the reason if that fails.
 */
export async function tryDevices(options: TrialOptions = {}): Promise<DeviceTrial[]> {
  const verbs = loadVerbs()
  const trials: DeviceTrial[] = []
  try {
    for (const address of fabricAddresses(verbs)) {
      const { operationBytes = OPERATION_BYTES, totalBytes = TOTAL_BYTES } = options
      const began = performance.now()
      const memoryBytes = DATA_AT + IN_FLIGHT * operationBytes
      const access = ACCESS.localWrite | ACCESS.remoteWrite
      const size = { sends: SENDS, receives: 1, messageBytes: 64, memoryBytes, access }
      using loopback = await Loopback.connect(verbs, address, (id) => new LoopbackEnd(id, size))
      const connecting = performance.now() - began
      const seconds = await write(loopback, operationBytes, Math.ceil(totalBytes / operationBytes))
      trials.push({ address, connecting, speed: totalBytes / MiB / seconds })
    }
  } catch (error) {
    throw isDyadError(error) ? error : unavailable((error as Error).message, error)
  }
  return trials
}

/** Resolves with the seconds that `count` writes take. Some are always under way. */
async function write({ a, b }: Loopback<LoopbackEnd>, bytes: number, count: number): Promise<number> {
  const began = performance.now()
  let posted = 0
  let done = 0
  await new Promise<void>((resolve, reject) => {
    const post = () => {
      const at = DATA_AT + (posted++ % IN_FLIGHT) * bytes
      const to = { address: b.region.address + at, rkey: b.region.rkey }
      a.pair.post([{ op: 'write', from: a.span(at, bytes), to }], { done: completed })
    }
    const completed = (status: number) => {
      if (status !== 0) reject(new CompletionError(status))
      else if (++done === count) resolve()
      else if (posted < count) post()
    }
    for (let i = 0; i < IN_FLIGHT && posted < count; i++) post()
  })
  return (performance.now() - began) / 1000
}
