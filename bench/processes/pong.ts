/** Sends back whatever comes over a TCP socket. */
import { createServer } from 'node:net'
import { answer } from './answer.js'

answer({
  listen: () =>
    new Promise<number>((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => socket.on('data', (bytes) => socket.write(bytes)))
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    }),
})
