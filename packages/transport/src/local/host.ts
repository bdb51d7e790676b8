import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

let identity: Promise<string> | undefined

/** Names this host until its next boot: equal in all its processes, different on any other host. */
export function hostIdentity(): Promise<string> {
  identity ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (bootId) => `${hostname()} ${bootId.trim()}`,
    () => hostname(),
  )
  return identity
}
