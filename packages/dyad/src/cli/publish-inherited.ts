import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readlinkSync, realpathSync } from 'node:fs'
import { flagsOf, type Program, stdioWith } from './supervise.js'

/**
 * Publishes the files below the producer-managed directory that this process, and with it the
 * program, got open for writing: a shell's `dyad run … > /tmp/prod/log`. As long as this process
 * has them open the library in the program leaves them alone. They are handed to another process
 * with the library, the last to close them. Whether all that was to be published is.
 */
export async function publishInherited({ env, descriptors }: Program, producerPath: string): Promise<boolean> {
  const written = [1, 2, ...descriptors.map(({ fd }) => fd)].filter((fd) =>
    isWrittenBelow(fd, realpathSync(producerPath)),
  )
  if (written.length === 0) return true
  const [, , , ...others] = stdioWith(descriptors)
  const last = spawn('sh', ['-c', 'read -r _; exit 0'], { env, stdio: ['pipe', 1, 2, ...others] })
  const ended = once(last, 'exit')
  for (const fd of written) {
    closeSync(fd)
    // Nothing that this process opens may take the place of a standard one.
    if (fd <= 2) openSync('/dev/null', 'r+')
  }
  last.stdin?.end()
  const [code] = await ended
  return code === 0
}

function isWrittenBelow(fd: number, directory: string): boolean {
  try {
    const isWritten = (flagsOf(fd) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
    return isWritten && readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${directory}/`)
  } catch {
    return false
  }
}
