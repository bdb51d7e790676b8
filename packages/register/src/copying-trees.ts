import { askNow, outside } from './drive.js'
import { asked } from './forms.js'
import { READ, REWRITE } from './open-flags.js'
import { type Asking, type Operation, together } from './operation.js'
import { using } from './operations.js'
import type { Program } from './program.js'

type Filter = (source: unknown, target: unknown) => unknown

/**
 * The operation around a cp, which may copy many files. It asks for each file in the filter that cp
 * calls before it looks at the file.
 */
export function copyingTrees(program: Program, args: readonly unknown[], isSync: boolean): Operation {
  const files: Operation[] = []
  const [source, target, options] = args
  const given: unknown = Object(options).filter
  // node:fs reports the error.
  const isWrong = (options !== undefined && typeof options !== 'object') || options === null
  if (isWrong || (given !== undefined && typeof given !== 'function')) return {}
  const isWanted: Filter = (from, to) =>
    given === undefined ? true : outside(() => Reflect.apply(given, undefined, [from, to]))
  const filter = isSync
    ? (from: unknown, to: unknown) => {
        const wanted = isWanted(from, to)
        if (wanted && !(wanted instanceof Promise)) askNow(program, copyingFile(program, from, to, files))
        return wanted
      }
    : async (from: unknown, to: unknown) => {
        const wanted = await isWanted(from, to)
        if (wanted) await asked(program, copyingFile(program, from, to, files))
        return wanted
      }
  return {
    args: [source, target, { ...options, filter }],
    succeeded: (value) => together(files)?.succeeded?.(value),
    failed: (error) => together(files)?.failed?.(error),
  }
}

/** Sends the requests before one file is copied. */
function* copyingFile(program: Program, from: unknown, to: unknown, files: Operation[]): Asking {
  const call = { syscall: 'cp', path: String(from), dest: String(to) }
  const [source, target] = [program.places.locate(from), program.places.locate(to)]
  const reading = source && using(program, source, READ, call)
  const writing = target && using(program, target, REWRITE, call)
  for (const operation of [reading, writing]) {
    if (operation === undefined) continue
    files.push(operation)
    yield* operation.before?.() ?? []
  }
}
