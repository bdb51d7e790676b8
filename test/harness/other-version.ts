import { type Listener, listen } from '@dyad-ts/wire'

/** The version of the protocol that {@link storeOfOtherVersion} speaks. */
export const OTHER_VERSION = 3

/** Listens as a store of a former version, which says so and answers nothing. */
export function storeOfOtherVersion(port?: number): Promise<Listener> {
  return listen({ port, maxFrameBytes: 1024 }, (link) => {
    void link.send({ op: 'hello', version: OTHER_VERSION, durable: true })
    return { message: () => {}, closed: () => {} }
  })
}
