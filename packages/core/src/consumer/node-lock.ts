import { createHash } from 'node:crypto'
import { connect, createServer, type Server } from 'node:net'
import { userId } from '../user-id.js'

/**
 * Runs `work` while no other process of this user on this host runs work of the same name, so that two processes never fetch one file at once or put an older version
 * over a newer. The lock is a listening socket in Linux's abstract namespace: the kernel gives it up with the process that holds it, however that
 * ends, and tells those who wait by closing their connections. Elsewhere than on Linux there is no such thing, and work runs at once.
 */
export async function withNodeLock<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work()
  const address = `\0dyad-${userId()}-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`
  let lock: Server | undefined
  while (lock === undefined) {
    signal.throwIfAborted()
    lock = await tryListen(address)
    if (lock === undefined) await untilReleased(address, signal)
  }
  try {
    return await work()
  } finally {
    lock.close()
    lock.emit('dyad:release')
  }
}

/** The listening socket, or undefined if another process has it. */
function tryListen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((waiter) => {
      // Whoever waits is told by the end of the connection.
      waiter.on('error', () => waiter.destroy())
      waiter.resume()
      waiter.unref()
      server.once('dyad:release', () => waiter.destroy())
    })
    server.setMaxListeners(0)
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen({ path: address }, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** Resolves when the holder lets go; rejects with the signal's reason. */
function untilReleased(address: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: address })
    const aborted = () => {
      reject(signal.reason)
      socket.destroy()
    }
    signal.addEventListener('abort', aborted, { once: true })
    socket.on('error', () => {})
    socket.on('close', () => {
      signal.removeEventListener('abort', aborted)
      resolve()
    })
    socket.resume()
  })
}
