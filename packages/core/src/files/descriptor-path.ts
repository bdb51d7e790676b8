import { existsSync } from 'node:fs'

/**
 * O_PATH of Linux, which node:fs does not name: it makes a descriptor of the file at a path without
 * opening that. It neither touches a device nor waits for a pipe.
 */
export const O_PATH = 0o10000000

/**
 * Whether descriptors have paths here. Such a path leads to the very file that was opened, also
 * after another one takes its name.
 */
export const hasDescriptorPaths = process.platform === 'linux' && existsSync('/proc/self/fd')

/** The path of what a descriptor of this process is open on, where descriptors have paths. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}
