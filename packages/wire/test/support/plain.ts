import { WebSocket } from 'ws'
import { makeNonce, proofOf } from '../../src/index.js'
import { clientHeaders, nonceIn } from '../../src/upgrade.js'

/**
 * Opens a WebSocket of the library. It sends its proof before anything that the caller sends on
 * `open`.
 */
export function openPlain(url: string, token?: string): WebSocket {
  const clientNonce = makeNonce()
  const socket = new WebSocket(url, { headers: clientHeaders(clientNonce), perMessageDeflate: false })
  let serverNonce: Buffer = Buffer.alloc(0)
  socket.on('upgrade', ({ headers }) => {
    serverNonce = nonceIn(headers) ?? serverNonce
  })
  // This handler runs before those of the caller.
  socket.on('open', () => socket.send(proofOf('client', { token, audience: '', clientNonce, serverNonce })))
  return socket
}
