import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { NotAvailable } from '../part.js'
import type { Site } from '../site.js'

const run = promisify(execFile)

/**
 * MiB a second that perftest's program writes over the first verbs device, in writes of `size`
 * bytes, `bytes` in all: one process to another on this host, by busy polling.
 */
export async function perftest(site: Site, address: string, size: number, bytes: number): Promise<number> {
  const port = await freePort()
  const args = ['--size', String(size), '--iters', String(Math.max(5, Math.ceil(bytes / size))), '--port', String(port)]
  const options = { signal: site.signal, killSignal: 'SIGKILL' as const }
  // -F: whether the clock of the processor changes is nothing that ratios depend on. -R: connects
  // through the connection manager, as we do.
  const server = run('ib_write_bw', ['-F', '-R', ...args], options)
  server.catch(() => {})
  const connected = async (): Promise<string> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return (await run('ib_write_bw', ['-F', '-R', ...args, address], options)).stdout
      } catch (error) {
        // It does not say when it listens.
        if (attempt === 20) throw error
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
  }
  const stdout = await connected()
  await server
  // #bytes #iterations BW peak[MB/sec] BW average[MB/sec] MsgRate[Mpps]; its MB are MiB.
  const line = stdout.split('\n').find((text) => new RegExp(`^ *${size} `).test(text))
  const average = Number(line?.trim().split(/\s+/)[3])
  if (!(average > 0)) throw new Error(`ib_write_bw tells no speed: ${stdout}`)
  return average
}

/** NotAvailable without perftest. */
export async function assertPerftest(): Promise<void> {
  try {
    await run('ib_write_bw', ['--version'])
  } catch (error) {
    // Where it is installed, it tells its version and fails.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return
    throw new NotAvailable('perftest is not installed (Debian: apt-get install perftest)')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
