/** A node: its service, with the store if it is to host it. */
import { type RunningNode, type StartOptions, start } from '@dyad-ts/dyad'
import { answer } from './answer.js'

let node: RunningNode

answer({
  async start(options: StartOptions) {
    node = await start(options)
    return node.status.kvs
  },
  stop: () => node.close(),
  /** Seconds of processor that this process has taken for itself, without the system's. */
  userSeconds: () => process.cpuUsage().user / 1e6,
})
