import type { Socket } from 'node:net'
import { makeNonce, PROOF_BYTES, proofOf } from '@dyad-ts/wire'

/**
 * Makes `socket` a link by hand: upgrades it and proves to know the token. Returns the answer of
 * the listener.
 */
export async function shakeHands(socket: Socket, token?: string, audience = ''): Promise<string> {
  const clientNonce = makeNonce()
  const lines = [
    'GET / HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `dyad-nonce: ${clientNonce.toString('base64url')}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const head = await new Promise<string>((resolve, reject) => {
    let text = ''
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.off('data', read)
      resolve(text)
    }
    socket.on('data', read)
    socket.once('close', () => reject(new Error(`closed after '${text}'`)))
  })
  const serverNonce = Buffer.from(/^dyad-nonce: (\S+)/im.exec(head)?.[1] ?? '', 'base64url')
  const proof = proofOf('client', { token, audience, clientNonce, serverNonce })
  // Masked with zeros, so that it reads as it is.
  socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | PROOF_BYTES, 0, 0, 0, 0]), proof]))
  return head
}
