import { connect, type NetConnectOpts, type Socket } from 'node:net'

/** Size of the buffer that a connection receives into, in bytes. */
const MEMORY_BYTES = 128 * 1024

/** A connection that can lend the bytes of 'data'. */
export interface LendingSocket {
  readonly socket: Socket
  /**
   * From now on each 'data' has the same buffer, which is the listeners' until they return. Before
   * that, each has memory of its own.
   */
  lend(): void
}

/**
 * Connects a socket that receives into one buffer. Node otherwise allocates memory for every read,
 * and collecting it takes longer than everything else that a link does with the bytes.
 */
export function connectLending(options: NetConnectOpts): LendingSocket {
  const memory = Buffer.allocUnsafeSlow(MEMORY_BYTES)
  let isLending = false
  // The buffer is given once, since Node has no call to change it.
  const callback = (length: number): boolean => {
    const bytes = memory.subarray(0, length)
    return socket.emit('data', isLending ? bytes : Buffer.from(bytes))
  }
  const socket: Socket = connect({ ...options, onread: { buffer: memory, callback } })
  return {
    socket,
    lend: () => {
      isLending = true
    },
  }
}
