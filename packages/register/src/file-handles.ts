import { runAsPromise } from './forms.js'
import { writes } from './open-flags.js'
import { closing, touchingOpen } from './operations.js'
import type { Program } from './program.js'
import { define } from './streams.js'
import { noteDamage, type Written } from './written.js'

/** Methods of FileHandle that change the bytes of the file. */
const WRITING = ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'sync', 'datasync'] as const

/** Methods of FileHandle that change attributes in the file's record, by their names in errors. */
const TOUCHING = [
  ['chmod', 'fchmod'],
  ['utimes', 'futime'],
] as const

/** FileHandles that write in the producer-managed directory. */
const handles = new WeakMap<object, Written>()

/** Returns the file that a FileHandle writes in the producer-managed directory, or undefined. */
export function writtenBy(handle: unknown): Written | undefined {
  return typeof handle === 'object' && handle !== null ? handles.get(handle) : undefined
}

/**
 * Publishes the file of a writing FileHandle after its close, unless a write failed. Publishes the
 * file of another one after a change of its permissions or times.
 */
export function adoptHandle(program: Program, handle: object, path: string, flags: number): void {
  const fd: unknown = Reflect.get(handle, 'fd')
  if (typeof fd !== 'number') return
  if (!writes(flags)) {
    for (const [name, syscall] of TOUCHING) {
      const method: unknown = Reflect.get(handle, name)
      if (typeof method === 'function') define(handle, name, method, touchingBy(program, fd, method, syscall))
    }
    return
  }
  const written = program.written.add(fd, path)
  handles.set(handle, written)
  for (const name of WRITING) {
    const method: unknown = Reflect.get(handle, name)
    if (typeof method === 'function') define(handle, name, method, noting(written, method))
  }
  const close: unknown = Reflect.get(handle, 'close')
  if (typeof close !== 'function') return
  let closed: Promise<unknown> | undefined
  define(handle, 'close', close, () => {
    closed ??= runAsPromise(program, closing(program, written), () => Reflect.apply(close, handle, []))
    return closed
  })
}

function touchingBy(program: Program, fd: number, method: CallableFunction, syscall: string) {
  return async function (this: object, ...args: unknown[]): Promise<unknown> {
    const real = () => Reflect.apply(method, this, args)
    const operation = touchingOpen(program, fd, { syscall })
    return operation === undefined ? real() : runAsPromise(program, operation, real)
  }
}

function noting(written: Written, method: CallableFunction) {
  return async function (this: object, ...args: unknown[]): Promise<unknown> {
    try {
      return await Reflect.apply(method, this, args)
    } catch (error) {
      noteDamage(written, error)
      throw error
    }
  }
}
