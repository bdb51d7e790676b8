/**
 * What a Node user would write by hand, the consuming side: asks an HTTP server for a file until it
 * is there, stores it and reads it.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { type BenchFile, type Check, Checker } from '../contents.js'
import { answer } from './answer.js'

const MiB = 1024 * 1024
const agent = new Agent({ keepAlive: true })

function request(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) =>
    get({ port, host: '127.0.0.1', path: `/${path}`, agent }, resolve).once('error', reject),
  )
}

async function read(directory: string, file: BenchFile, check: Check): Promise<void> {
  const checker = new Checker(file, check)
  for await (const chunk of createReadStream(join(directory, file.path), { highWaterMark: MiB })) checker.take(chunk)
  checker.end()
}

answer({
  /**
   * Fetches frame by frame, asking again every `interval` ms while there is none; tells the
   * milliseconds of waiting and of moving.
   */
  async analyse(port: number, directory: string, files: BenchFile[], interval: number, check: Check) {
    let idle = 0
    let moving = 0
    for (const file of files) {
      const began = performance.now()
      let asked = began
      let response = await request(port, file.path)
      while (response.statusCode !== 200) {
        response.resume()
        await setTimeout(interval)
        asked = performance.now()
        response = await request(port, file.path)
      }
      const target = join(directory, file.path)
      await mkdir(dirname(target), { recursive: true })
      await pipeline(response, createWriteStream(target))
      await read(directory, file, check)
      idle += asked - began
      moving += performance.now() - asked
    }
    return { idle, moving }
  },

  /** Reads files that are all there; tells the milliseconds. */
  async readAll(directory: string, files: BenchFile[], check: Check) {
    const began = performance.now()
    for (const file of files) await read(directory, file, check)
    return performance.now() - began
  },
})
