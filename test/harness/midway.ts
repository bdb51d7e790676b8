import type { HaltingOptions, Reading } from './halting-reader.js'
import type { TestProcess } from './process.js'

/**
 * Waits until a process is midway of a transfer; false if the transfer ended before that could be
 * seen, as it may where the file system clones a file at once: then there is no midway.
 */
export function isMidway(process: TestProcess, transfer: Promise<unknown>): Promise<boolean> {
  return Promise.race([process.noted('midway').then(() => true), transfer.then(() => false)])
}

/**
 * Begins to read, and stops with the whole process once the first bytes were read, until it is
 * unblocked.
 */
export async function pausedReading(consumer: TestProcess, path: string): Promise<{ reading: Promise<Reading> }> {
  const reading = consumer.ask<Reading>('readHalting', path, { pauseAt: 1 } satisfies HaltingOptions)
  reading.catch(() => {})
  await consumer.noted('paused', (as) => as === path)
  return { reading }
}
