import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'

/**
 * Resolves with the release of a lock that one process of this host at most has for a directory. It is a listening socket in Linux's abstract
 * namespace, which the kernel gives up with its process. Elsewhere there is no such thing, and everybody has it. Rejects with EADDRINUSE.
 */
export function lockDirectory(directory: string): Promise<() => void> {
  if (process.platform !== 'linux') return Promise.resolve(() => {})
  const { dev, ino } = statSync(directory)
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 40)
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen({ path: `\0dyad-store-${name}` }, () => {
      server.unref()
      resolve(() => server.close())
    })
  })
}
