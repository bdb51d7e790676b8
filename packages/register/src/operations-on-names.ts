import { check, type Operation } from './operation.js'
import { owning } from './operations.js'
import { own as fs } from './own-fs.js'
import type { ManagedPath } from './places.js'
import type { Program } from './program.js'
import type { CallName } from './system-error.js'

/** The operation around a rename, or a link, which keeps the old name. */
export function moving(
  program: Program,
  from: ManagedPath | undefined,
  to: ManagedPath | undefined,
  call: CallName,
): Operation | undefined {
  const names = { from: from?.producer ?? '', to: to?.producer ?? '' }
  const own = to?.consumer !== undefined && to.producer === undefined ? to : undefined
  if (names.from === '' && names.to === '' && own === undefined) return undefined
  let isDirectory = false
  return {
    before() {
      isDirectory = from !== undefined && isDirectoryAt(from.absolute)
      return undefined
    },
    *succeeded() {
      const isWritten = to?.producer !== undefined && hasWriterAt(program, to.absolute)
      // The writer publishes the file at its close.
      const moved = { ...names, to: isWritten ? '' : names.to }
      if (moved.from !== '' || moved.to !== '') check(yield { kind: 'move', ...moved, isDirectory }, call)
      if (own !== undefined && !isDirectory) yield* owning(own, call)
    },
  }
}

/** The operation around a call that removes a file or a directory. */
export function removing({ producer, absolute }: ManagedPath, call: CallName): Operation | undefined {
  if (producer === undefined) return undefined
  let isDirectory = false
  return {
    before() {
      isDirectory = isDirectoryAt(absolute)
      return undefined
    },
    *succeeded() {
      check(yield { kind: 'remove', name: producer, isDirectory }, call)
    },
  }
}

/** The operation around a call that may remove a whole tree, file by file. */
export function removingTree(program: Program, path: ManagedPath, call: CallName): Operation {
  const whole = removing(path, call)
  const { trees } = program
  return {
    isUnasked: whole === undefined,
    before() {
      const asking = whole?.before?.()
      trees.begin(path.absolute)
      return asking
    },
    succeeded(value) {
      trees.end(path.absolute)
      return whole?.succeeded?.(value)
    },
    failed() {
      trees.end(path.absolute)
      return undefined
    },
  }
}

function isDirectoryAt(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    // The call itself reports the error.
    return false
  }
}

function hasWriterAt(program: Program, path: string): boolean {
  const stats = fs.statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && program.hasWriter(path, stats)
}
