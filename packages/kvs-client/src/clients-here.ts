import type { LinkHandlers } from '@dyad-ts/wire'
import { type ClientLink, Connection } from './client/connection.js'
import { BrokerClient } from './client/kvs.js'
import { type Accept, linkInProcess } from './in-process-link.js'

/** The clients of a broker in its own process. The maker closes them with the broker. */
export class ClientsHere {
  readonly #accept: Accept
  readonly #links = new Set<ClientLink>()
  #isClosed = false

  constructor(accept: Accept) {
    this.#accept = accept
  }

  /** Opens a client, which the caller closes. */
  open(id: string, callTimeout: number): BrokerClient {
    const connection = new Connection({
      url: id,
      dial: async (handlersFor) => this.#link(handlersFor()),
      connectTimeout: callTimeout,
      callTimeout,
    })
    return new BrokerClient(id, connection, { crossProcess: true, leases: true, readLeases: true })
  }

  /** Ends their links. */
  close(): void {
    this.#isClosed = true
    for (const link of this.#links) link.close()
  }

  #link(handlers: LinkHandlers): ClientLink {
    if (this.#isClosed) throw new Error('the broker is closed')
    const link = linkInProcess(this.#accept, {
      message: (bytes) => handlers.message(bytes),
      closed: (reason) => {
        this.#links.delete(link)
        handlers.closed(reason)
      },
    })
    this.#links.add(link)
    return link
  }
}
