/** Sends messages of 40 bytes over a TCP socket, each once the one before came back. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { mean, quantile } from '../statistics.js'
import { answer } from './answer.js'

const message = Buffer.alloc(40, 'd')
let socket: Socket

answer({
  async connect(port: number) {
    socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
  },
  exchange: (messages: number) =>
    new Promise((resolve, reject) => {
      const took: number[] = []
      let began = 0n
      let missing = 0
      const ping = () => {
        missing = message.length
        began = process.hrtime.bigint()
        socket.write(message)
      }
      const pong = (bytes: Buffer) => {
        missing -= bytes.length
        if (missing > 0) return
        took.push(Number(process.hrtime.bigint() - began) / 1000)
        if (took.length < messages) return ping()
        socket.off('data', pong).off('error', reject)
        resolve({ rtt: mean(took), rttMedian: quantile(took, 0.5) })
      }
      socket.on('data', pong).on('error', reject)
      ping()
    }),
})
