import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isShortage } from '@dyad-ts/core/internal'

let identity: string | undefined

/**
 * Returns a name of this host until its next boot, the same in all its processes and different on
 * every other host. Throws EMFILE or ENFILE if no descriptor is free.
 */
export async function hostIdentity(): Promise<string> {
  try {
    identity ??= `${hostname()} ${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}`
    return identity
  } catch (error) {
    // The host name alone would name another host.
    if (isShortage(error)) throw error
    // It is not kept, since the next read may succeed.
    return hostname()
  }
}
