import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

let identity: string | undefined

/** Names this host until its next boot: equal in all its processes, different on any other host. */
export async function hostIdentity(): Promise<string> {
  try {
    identity ??= `${hostname()} ${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}`
    return identity
  } catch {
    // What keeps it from being read may be over the next time.
    return hostname()
  }
}
