import { readFileSync } from 'node:fs'
import { environment } from '@dyad-ts/core/internal'
import { loadKoffi } from './load-koffi.js'

/**
 * Sends SIGTERM to this process once the shell ends that npm started it with, unless `signal` has
 * fired. npx and `npm run` send their signals to that shell alone, which ends by them and leaves
 * its command running. Watches nothing for commands that npm did not start, and where the system
 * has no pidfd_open (Linux before 5.3, glibc before 2.36) or koffi has no build.
 */
export class NpmParent implements Disposable {
  #stop = () => {}

  constructor(signal: AbortSignal) {
    if (!isOfNpm()) return
    try {
      this.#watch(signal)
    } catch {
      // The command goes on as without it.
    }
  }

  [Symbol.dispose](): void {
    this.#stop()
  }

  #watch(signal: AbortSignal): void {
    const parent = process.ppid
    const koffi = loadKoffi()
    const system = koffi.load(null)
    const pidfdOpen: (pid: number, flags: number) => number = system.func('int pidfd_open(int, unsigned int)')
    const close: (fd: number) => number = system.func('int close(int)')
    const fd = pidfdOpen(parent, 0)
    if (fd < 0) return
    // It can be read once the process has ended.
    const handle = koffi.node.poll(fd, { readable: true }, () => {
      this.#stop()
      if (!signal.aborted) process.kill(process.pid, 'SIGTERM')
    })
    handle.unref()
    this.#stop = () => {
      this.#stop = () => {}
      handle.close()
      close(fd)
    }
  }
}

/**
 * Whether the parent is the shell of npx or of a script of npm that is this command alone. A shell
 * that has more to do may leave the command in the background.
 */
function isOfNpm(): boolean {
  const script = environment()['npm_lifecycle_script']
  if (script === undefined || /[&;|\n]/.test(script)) return false
  try {
    const [, flag, text = ''] = readFileSync(`/proc/${process.ppid}/cmdline`, 'utf8').split('\0')
    return flag === '-c' && text.startsWith(script)
  } catch {
    return false
  }
}
