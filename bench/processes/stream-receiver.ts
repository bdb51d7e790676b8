/** Writes what comes over a TCP socket into a file. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { answer } from './answer.js'

let server: Server

answer({
  listen: () =>
    new Promise<number>((resolve, reject) => {
      server = createServer().once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    }),
  receive: (bytes: number, file: string) =>
    new Promise<number>((resolve, reject) => {
      server.once('connection', (socket: Socket) => {
        server.close()
        const fd = openSync(file, 'wx')
        const began = process.hrtime.bigint()
        let arrived = 0
        socket.on('data', (chunk: Buffer) => {
          for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
          arrived += chunk.length
        })
        socket.once('error', reject)
        socket.once('end', () => {
          const took = Number(process.hrtime.bigint() - began)
          closeSync(fd)
          if (arrived === bytes) resolve(took)
          else reject(new Error(`${arrived} of ${bytes} bytes arrived`))
        })
      })
    }),
})
