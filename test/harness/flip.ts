import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { proxyBefore } from './proxy.js'
import type { Teardown } from './teardown.js'

/** Flips one bit of a file as a failing disk would: its size and its times stay what they are. */
export function flipBit(path: string, at: number, bit: number): void {
  const times = `${path}.times`
  writeFileSync(times, '')
  execFileSync('touch', ['-r', path, times])
  const fd = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  writeSync(fd, Buffer.of((byte[0] ?? 0) ^ (1 << bit)), 0, 1, at)
  closeSync(fd)
  execFileSync('touch', ['-r', times, path])
  rmSync(times)
}

/**
 * Listens at the same port of PROXY_HOST as a server at 127.0.0.1, and passes everything on. Flips
 * a bit every so many bytes that the server sends, up to so many times.
 */
export async function flippingProxy(t: Teardown, port: number, every: number, times: number): Promise<void> {
  let left = times
  await proxyBefore(t, port, (client, target) => {
    client.pipe(target)
    let passed = 0
    target.on('data', (bytes: Buffer) => {
      const here = every - (passed % every)
      passed += bytes.length
      if (here < bytes.length && left-- > 0) bytes.writeUInt8(bytes.readUInt8(here) ^ 0x10, here)
      if (!client.write(bytes)) target.pause()
    })
    client.on('drain', () => target.resume())
  })
}
