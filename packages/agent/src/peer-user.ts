import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { prepareLateModule, userId } from '@dyad-ts/core/internal'

/** Of the system's getsockopt, on Linux. */
const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** Process, user and group, of 4 bytes each. */
const CREDENTIALS_BYTES = 12

type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: [number]) => number

/** Null where the system does not tell. */
let getSockOpt: GetSockOpt | null | undefined

/**
 * Loads what asks the system for the user at the other end; a later call of `isOfAnotherUser` does
 * not wait for that then.
 */
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
    // There is no build of koffi for this system. The directory of the socket is this user's alone.
  }
}

/** Whether the system says that a process of another user is at the other end of a Unix socket. */
export function isOfAnotherUser(socket: Socket): boolean {
  loadPeerUser()
  const fd = descriptorOf(socket)
  if (!getSockOpt || fd === undefined) return false
  const credentials = Buffer.alloc(CREDENTIALS_BYTES)
  const failed = getSockOpt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [CREDENTIALS_BYTES])
  return failed !== 0 || credentials.readUInt32LE(4) !== userId()
}

/** Node has the descriptor of a socket, and no name for it that is public. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' && fd >= 0 ? fd : undefined
}
