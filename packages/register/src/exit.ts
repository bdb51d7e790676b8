import { askNow } from './drive.js'
import { closing } from './operations.js'
import { own } from './own-fs.js'
import type { Program } from './program.js'
import { sayLine } from './say.js'
import { define } from './streams.js'

/**
 * Publishes the open files when the process, or the thread, ends, which closes all files. Publishes
 * nothing if an exception ends it, since the program did not finish.
 */
export function publishAtExit(program: Program): void {
  let hasFailed = false
  process.on('uncaughtExceptionMonitor', () => {
    hasFailed ||= process.listenerCount('uncaughtException') === 0
  })
  // Listeners of the program may still write, and the last one cannot be known.
  const emit: unknown = Reflect.get(process, 'emit')
  if (typeof emit !== 'function') return
  define(process, 'emit', emit, function (this: NodeJS.Process, ...args: unknown[]): unknown {
    const isHeard: unknown = Reflect.apply(emit, this, args)
    if (args[0] === 'exit' && !hasFailed) publishAll(program)
    return isHeard
  })
}

function publishAll(program: Program): void {
  for (const written of [...program.written]) {
    const operation = closing(program, written)
    try {
      own.closeSync(written.fd)
      askNow(program, operation.succeeded?.(undefined))
    } catch (error) {
      process.exitCode = 1
      sayLine(`${written.path} is not published: ${error instanceof Error ? error.message : error}`)
    }
  }
}
