import { rmSync } from 'node:fs'
import { compile } from '../c-compiler.js'
import { MiB } from '../part.js'
import type { Site } from '../site.js'

/** One TCP stream over loopback into a file, beside the files of the measure. */
export interface TcpStream {
  readonly title: string
  /** Streams so many bytes; resolves with MiB/s. */
  round(bytes: number): Promise<number>
  /**
   * The same with all that moving a file and reading it takes: bytes come from the file `from`, and
   * are copied once they are stored. Undefined without a compiler.
   */
  readonly whole: ((bytes: number, from: string) => Promise<number>) | undefined
}

/** The stream in C, compiled here; in Node where there is no compiler, which the title says. */
export async function tcpStream(site: Site): Promise<TcpStream> {
  const program = await compiled(site)
  const stream = program === undefined ? await inNode(site) : inC(site, program)
  const speed = async (bytes: number, from?: string) => {
    const file = site.path('tcp-stream.out')
    try {
      return bytes / MiB / ((await stream(bytes, file, from)) / 1e9)
    } finally {
      rmSync(file, { force: true })
    }
  }
  return {
    title: program === undefined ? 'TCP stream into a file, in Node for want of cc' : 'C stream',
    round: (bytes) => speed(bytes),
    whole: program === undefined ? undefined : speed,
  }
}

type Stream = (bytes: number, file: string, from?: string) => Promise<number>

function inC(site: Site, program: string): Stream {
  return async (bytes, file, from) =>
    Number(await site.run(program, [String(bytes), file, ...(from === undefined ? [] : [from])]))
}

async function inNode(site: Site): Promise<Stream> {
  const [receiver, sender] = await Promise.all([site.fork('stream-receiver'), site.fork('stream-sender')])
  return async (bytes, file) => {
    const port = await receiver.ask<number>('listen')
    const [nanoseconds] = await Promise.all([
      receiver.ask<number>('receive', bytes, file),
      sender.ask('send', port, bytes),
    ])
    return nanoseconds
  }
}

/** Undefined where it cannot be compiled, or does not run. */
async function compiled(site: Site): Promise<string | undefined> {
  try {
    const program = await compile(site, 'baselines/tcp-stream.c')
    const probe = site.path('tcp-stream.probe')
    await site.run(program, ['1', probe])
    rmSync(probe)
    return program
  } catch {
    return undefined
  }
}
