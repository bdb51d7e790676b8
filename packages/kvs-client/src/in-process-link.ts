import type { LinkHandlers } from '@dyad-ts/wire'
import type { SessionLink } from './broker/answers.js'
import type { ClientLink } from './client/connection.js'

/** Accepts a link to a broker, and returns the handlers of its messages. */
export type Accept = (link: SessionLink) => LinkHandlers

/**
 * Links a client to a broker in the same process, without a socket. It still encodes frames, so the
 * two share no memory. It delivers each frame after the call that sends it.
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
    // Keeps the order of frames over sockets, so that clients that the broker notifies do not wait
    // for the next work of this process.
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
    // After the frames that were sent before.
    close: (reason) => process.nextTick(() => end(reason)),
    hold: () => {},
  }
}
