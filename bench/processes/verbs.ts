/** The binding of verbs by itself, and the rdma transport where it is new. */
import { reportHost, tryDevices } from '@dyad-ts/rdma'
import { answer } from './answer.js'

answer({
  /** Addresses of verbs devices. */
  addresses: () => reportHost().addresses,
  /**
   * Writes from this process into itself; tells MiB a second, and the milliseconds of connecting.
   */
  async write(operationBytes: number, totalBytes: number) {
    const [trial] = await tryDevices({ operationBytes, totalBytes })
    return trial
  },
})
