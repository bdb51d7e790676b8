/** Sends bytes over a TCP socket as fast as they are taken. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { answer } from './answer.js'

const buffer = Buffer.alloc(1024 * 1024, 'd')

answer({
  async send(port: number, bytes: number) {
    const socket = connect(port, '127.0.0.1')
    for (let left = bytes; left > 0; left -= buffer.length) {
      if (!socket.write(buffer.subarray(0, left))) await once(socket, 'drain')
    }
    socket.end()
    await once(socket, 'finish')
  },
})
