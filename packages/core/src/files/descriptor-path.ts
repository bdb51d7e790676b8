import { existsSync } from 'node:fs'

/**
 * O_PATH of Linux, which node:fs has no name for: a descriptor of whatever stands at a path.
 * Nothing is opened by it: a device is not touched, and a pipe is not waited for.
 */
export const O_PATH = 0o10000000

/**
 * Whether descriptors have paths here: those are of the file that was opened, wherever it is moved
 * and whatever takes its name.
 */
export const hasDescriptorPaths = process.platform === 'linux' && existsSync('/proc/self/fd')

/** The path of what a descriptor of this process is open on, where descriptors have paths. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`
}
