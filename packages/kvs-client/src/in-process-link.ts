import type { LinkHandlers } from '@dyad-ts/wire'
import type { SessionLink } from './broker/answers.js'
import type { ClientLink } from './client/connection.js'

/** Accepts a link to a broker; returns the listener for what comes over it. */
export type Accept = (link: SessionLink) => LinkHandlers

/**
 * Links a client to a broker in the same process, without a socket. Frames are encoded all the
 * same, so that the two share no memory, and each is handled after the call that sends it.
 */
export function linkInProcess(accept: Accept, client: LinkHandlers): ClientLink {
  let isOpen = true
  const end = (reason?: Error) => {
    if (!isOpen) return
    isOpen = false
    broker.closed(reason)
    client.closed(reason)
  }
  const deliver = (to: () => LinkHandlers, bytes: Uint8Array, length: number): void => {
    const copy = Buffer.from(bytes.subarray(0, length))
    // In the order of what goes over sockets, so that those to whom the broker tells a change do
    // not wait for what this process does next.
    process.nextTick(() => {
      if (!isOpen) return
      try {
        to().message(copy)
      } catch (error) {
        end(error as Error)
      }
    })
  }
  const broker = accept({
    unsentBytes: 0,
    drained: () => Promise.resolve(),
    post: (bytes, length) => deliver(() => client, bytes, length),
  })
  return {
    post: (bytes, length) => deliver(() => broker, bytes, length),
    // After what has been sent before.
    close: (reason) => process.nextTick(() => end(reason)),
    hold: () => {},
  }
}
