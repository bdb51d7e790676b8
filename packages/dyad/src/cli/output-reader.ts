import { closeSync, fstatSync } from 'node:fs'
import { Interruption } from './interruption.js'
import { loadKoffi } from './load-koffi.js'

/** Of the system's poll(2). */
const POLLERR = 0x08
const POLLHUP = 0x10

/**
 * Fires `signal` with a quiet Interruption once the standard output has no reader any more,
 * although the command writes nothing: the reader of its pipe is gone, or its socket is closed.
 * Watches no other output, and nothing if koffi has no build for this system; the next write fails
 * then. The event loop watches the descriptor, and the process can end meanwhile.
 */
export class OutputReader implements Disposable {
  readonly #abort = new AbortController()
  #stop = () => {}

  constructor() {
    const { fd } = process.stdout
    const stats = fstatSync(fd)
    if (!stats.isFIFO() && !stats.isSocket()) return
    try {
      this.#watch(fd)
    } catch {
      // Without koffi the next write finds out.
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  [Symbol.dispose](): void {
    this.#stop()
  }

  #watch(output: number): void {
    const koffi = loadKoffi()
    const system = koffi.load(null)
    const poll: (entry: Buffer, count: number, timeout: number) => number = system.func(
      'int poll(_Inout_ void *, unsigned long, int)',
    )
    const duplicate: (fd: number) => number = system.func('int dup(int)')
    // Node itself watches the descriptor while a write waits, and the event loop takes each once.
    const fd = duplicate(output)
    if (fd < 0) return
    const handle = koffi.node.poll(fd, { disconnect: true }, () => {
      const isGone = hasNoReader(fd, poll)
      // A socket whose other end has nothing to send may be read all the same.
      this.#stop()
      if (isGone) this.#abort.abort(new Interruption('the reader of the output is gone', 0))
    })
    handle.unref()
    this.#stop = () => {
      this.#stop = () => {}
      handle.close()
      closeSync(fd)
    }
  }
}

/** Asks the system whether a descriptor has lost its other end. */
function hasNoReader(fd: number, poll: (entry: Buffer, count: number, timeout: number) => number): boolean {
  const entry = Buffer.alloc(8)
  entry.writeInt32LE(fd, 0)
  return poll(entry, 1, 0) === 1 && (entry.readInt16LE(6) & (POLLERR | POLLHUP)) !== 0
}
