/**
 * Sends messages of 40 bytes over a TCP socket, each once the one before came back; with files,
 * what that and the calls of the system take which small files cannot do without.
 */
import { once } from 'node:events'
import { closeSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { mean, quantile } from '../statistics.js'
import { answer, timed } from './answer.js'

const message = Buffer.alloc(40, 'd')
let socket: Socket

/** Sends the message and waits until it is back. */
function exchange(): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = message.length
    const pong = (bytes: Buffer) => {
      missing -= bytes.length
      if (missing > 0) return
      socket.off('data', pong).off('error', reject)
      resolve()
    }
    socket.on('data', pong).on('error', reject)
    socket.write(message)
  })
}

function begin(path: string): number {
  const fd = openSync(path, 'wx')
  writeSync(fd, message)
  return fd
}

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
  /** Asks, puts what came into a file, and reads that. */
  consume: (directory: string, files: number) =>
    timed(async () => {
      for (let i = 0; i < files; i++) {
        await exchange()
        const fd = begin(`${directory}/temporary`)
        linkSync(`${directory}/temporary`, `${directory}/${i}`)
        unlinkSync(`${directory}/temporary`)
        closeSync(fd)
        readFileSync(`${directory}/${i}`)
      }
    }),
  /** Makes a file and tells of it. */
  produce: (directory: string, files: number) =>
    timed(async () => {
      for (let i = 0; i < files; i++) {
        closeSync(begin(`${directory}/temporary`))
        renameSync(`${directory}/temporary`, `${directory}/${i}`)
        await exchange()
      }
    }),
})
