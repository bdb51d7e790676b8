import { DyadError, type Transport } from '@dyad-ts/core'

/** What keeps a host from using a transport at all. */
export const NO_DEVICE = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })

/** A transport that has nothing but opinions. */
export function double(name: string, opinions: Partial<Pick<Transport, 'unavailable' | 'obstacle'>> = {}): Transport {
  const close = async () => {}
  const nothing = () => Promise.reject(new Error('a double moves nothing'))
  return {
    name,
    serve: nothing,
    obstacle: async () => undefined,
    fetch: nothing,
    close,
    [Symbol.asyncDispose]: close,
    ...opinions,
  }
}
