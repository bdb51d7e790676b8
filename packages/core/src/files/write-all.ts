import { write } from 'node:fs'

/**
 * Writes all of `bytes` from `position` on, through the thread pool, however many calls it takes;
 * they are the caller's again when it settles. The system's own errors.
 */
export function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const from = (done: number): void => {
      write(fd, bytes, done, bytes.length - done, position + done, (error, count) => {
        if (error) reject(error)
        else if (done + count === bytes.length) resolve()
        else from(done + count)
      })
    }
    from(0)
  })
}
