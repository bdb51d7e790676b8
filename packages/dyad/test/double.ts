import { DyadError, type Transport } from '@dyad-ts/core'

/** The reason why a host cannot use a transport at all. */
export const NO_DEVICE = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })

/** A transport that moves nothing and only reports obstacles. */
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
