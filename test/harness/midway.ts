import type { TestProcess } from './process.js'

/**
 * Waits until a process is midway of a transfer; false if the transfer ended before that could be seen, as it may where the file system clones a file at
 * once: then there is no midway.
 */
export function isMidway(process: TestProcess, transfer: Promise<unknown>): Promise<boolean> {
  return Promise.race([process.noted('midway').then(() => true), transfer.then(() => false)])
}
