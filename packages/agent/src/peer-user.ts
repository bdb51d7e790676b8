import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { prepareLateModule, userId } from '@dyad-ts/core/internal'

/** The constant of getsockopt, on Linux. */
const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** Process, user and group, of 4 bytes each. */
const CREDENTIALS_BYTES = 12

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: [number]) => number

/** Null where the system lacks it. */
let getSockOpt: GetSockOpt | null | undefined

/** Loads the system call, so that a later call of `isOfAnotherUser` does not wait for it. */
export function loadPeerUser(): void {
  if (getSockOpt !== undefined) return
  getSockOpt = null
  if (process.platform !== 'linux') return
  try {
    prepareLateModule()
    const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
    const prototype = 'int getsockopt(int, int, int, _Out_ void *, _Inout_ uint32_t *)'
    const found: GetSockOpt = koffi.load(null).func(prototype)
    getSockOpt = found
  } catch {
    // koffi has no build for this system. Only this user can enter the socket's directory.
  }
}

/**
 * Returns true if the system reports a process of another user at the other end of a Unix socket.
 */
export function isOfAnotherUser(socket: Socket): boolean {
  loadPeerUser()
  const fd = descriptorOf(socket)
  if (!getSockOpt || fd === undefined) return false
  const credentials = Buffer.alloc(CREDENTIALS_BYTES)
  const failed = getSockOpt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [CREDENTIALS_BYTES])
  return failed !== 0 || credentials.readUInt32LE(4) !== userId()
}

/** Node has the descriptor of a socket, but no public name for it. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
