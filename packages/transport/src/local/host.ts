import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isShortage } from '@dyad-ts/core/internal'

let identity: string | undefined

/**
 * Names this host until its next boot: equal in all its processes, different on any other host.
 * Throws EMFILE or ENFILE where no descriptor is free.
 */
export async function hostIdentity(): Promise<string> {
  try {
    identity ??= `${hostname()} ${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}`
    return identity
  } catch (error) {
    // The name alone would be another host's.
    if (isShortage(error)) throw error
    // What keeps it from being read may be over the next time.
    return hostname()
  }
}
