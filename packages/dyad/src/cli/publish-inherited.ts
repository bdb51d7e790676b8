import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readlinkSync, realpathSync } from 'node:fs'
import { heldByAncestor } from './held-by-ancestor.js'
import { say } from './output.js'
import { isOpenForWriting, type Program, stdioWith } from './supervise.js'

/**
 * Publishes the files below the producer-managed directory that this process and the program
 * inherited open for writing, as in a shell's `dyad run … > /tmp/prod/log`. While this process has
 * them open, the library in the program does not publish them. This passes them to another process
 * with the library, which closes them last. Returns true if all of them are published. A file that
 * a shell keeps open is not published, and a line on stderr says so.
 */
export async function publishInherited(
  { env, descriptors }: Program,
  producerPath: string,
  isNested: boolean,
): Promise<boolean> {
  const directory = realpathSync(producerPath)
  const written = new Map<number, string>()
  for (const fd of [1, 2, ...descriptors.map(({ fd }) => fd)]) {
    const file = writtenBelow(fd, directory)
    if (file !== undefined) written.set(fd, file)
  }
  if (written.size === 0) return true
  const [, , , ...others] = stdioWith(descriptors)
  const last = spawn('sh', ['-c', 'read -r _; exit 0'], { env, stdio: ['pipe', 1, 2, ...others] })
  const ended = once(last, 'exit')
  for (const fd of written.keys()) {
    closeSync(fd)
    // Nothing that this process opens may take the number of a standard descriptor.
    if (fd <= 2) openSync('/dev/null', 'r+')
  }
  last.stdin?.end()
  const [code] = await ended
  // An outer run publishes the files that it has open.
  for (const file of isNested ? [] : new Set(written.values())) {
    const holder = heldByAncestor(file)
    if (holder === undefined) continue
    const inside = "redirect within the program (dyad run … -- sh -c '… > FILE')"
    say(`warning: ${file} is not published: ${holder.name} (process ${holder.pid}) has it open for writing; ${inside}`)
  }
  return code === 0
}

/** Returns the file below a directory that a descriptor writes. */
function writtenBelow(fd: number, directory: string): string | undefined {
  try {
    const file = readlinkSync(`/proc/self/fd/${fd}`)
    return file.startsWith(`${directory}/`) && isOpenForWriting(fd) ? file : undefined
  } catch {
    return undefined
  }
}
