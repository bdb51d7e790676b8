import { type AddressInfo, isIP, type Server } from 'node:net'
import { DyadError } from '@dyad-ts/core'
import { isLoopbackHost, wholeNumber } from '@dyad-ts/core/internal'

const MAX_PORT = 65_535

/** Where a server listens. */
export interface BindOptions {
  /** Address or name to bind. @default '127.0.0.1' */
  host?: string | undefined
  /** Port to bind; 0 takes any. @default 0 */
  port?: number | undefined
  /** Secret that a peer must prove to know. Needed to bind beyond loopback. @default none */
  token?: string | undefined
}

/**
 * Makes `server` listen, and returns host and port. ERR_DYAD_OPTION for a port out of range,
 * ERR_DYAD_BIND if the address cannot be bound, or needs a token and has none.
 */
export async function bind(server: Server, options: BindOptions): Promise<{ host: string; port: number }> {
  const { host = '127.0.0.1', token } = options
  const port = wholeNumber('port', options.port ?? 0, 0, MAX_PORT)
  if (!isLoopbackHost(host) && !token) {
    throw new DyadError('ERR_DYAD_BIND', {
      detail: `${host} is not loopback, and no token is set`,
      remedy: 'Listen at 127.0.0.1, or run with a token: unset DYAD_OPEN.',
    })
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new DyadError('ERR_DYAD_BIND', { detail: `${host} port ${port}: ${reasonFor(cause)}`, cause }))
    })
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve()
    })
  })
  return { host, port: (server.address() as AddressInfo).port }
}

/** What the system says, without the address, which the message has already. */
function reasonFor({ message }: Error): string {
  return message.replace(/^listen (\w+: .+) \S+$/, '$1')
}

/** Returns host and port as a URL has them. */
export function authority(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}
