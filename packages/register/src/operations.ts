import type { Stats } from 'node:fs'
import { creates, isExclusive, reads, writes } from './open-flags.js'
import { type Asking, check, type Operation } from './operation.js'
import { own } from './own-fs.js'
import type { ManagedPath } from './places.js'
import type { Program } from './program.js'
import type { CallName } from './system-error.js'
import { placeOf, type Written } from './written.js'

/** The entry at a path: a regular file, none, or one that is never consumed nor published. */
type Standing = Stats | 'nothing' | 'other'

function standingAt(path: string): Standing {
  try {
    const stats = own.statSync(path, { throwIfNoEntry: false })
    return stats === undefined ? 'nothing' : stats.isFile() ? stats : 'other'
  } catch {
    // The call itself reports the error.
    return 'other'
  }
}

function isSame(one: Standing, other: Standing): boolean {
  if (typeof one === 'string' || typeof other === 'string') return false
  return one.dev === other.dev && one.ino === other.ino && one.size === other.size && one.mtimeMs === other.mtimeMs
}

/** Publishes the file at a path, unless it has a writer, which publishes it at its close. */
function* publish(program: Program, path: string, call: CallName): Asking {
  const standing = standingAt(path)
  if (typeof standing === 'string') return
  const real = own.realpathSync.native(path)
  const name = program.places.producerName(real)
  if (name === undefined || program.hasWriter(real, standing)) return
  check(yield { kind: 'produce', name }, call)
}

/**
 * Returns true if the program writes a file where it consumes, so that no producer publishes it.
 */
function isOwn({ consumer, producer }: ManagedPath, flags: number): boolean {
  return consumer !== undefined && producer === undefined && writes(flags)
}

/**
 * Declares a file that the program wrote in the consumer-managed directory, so that no request
 * waits for it.
 */
export function* owning({ consumer }: ManagedPath, call: CallName): Asking {
  if (consumer !== undefined) check(yield { kind: 'own', name: consumer }, call)
}

/** The requests around an open with these flags, without those for the open file. */
function around(program: Program, path: ManagedPath, flags: number, call: CallName) {
  const { consumer, producer, absolute } = path
  const isRead = consumer !== undefined && reads(flags)
  const isWritten = producer !== undefined && writes(flags) && !isExclusive(flags)
  if (!isRead && !writes(flags)) return undefined
  let changed: Standing = 'nothing'
  return {
    *before(): Asking<undefined> {
      let standing = standingAt(absolute)
      if (isRead && standing !== 'other') {
        const wait = program.waitsFor(consumer) && !(creates(flags) && producer !== undefined)
        check(yield { kind: 'consume', name: consumer, wait }, call)
        standing = standingAt(absolute)
      }
      if (!isWritten || typeof standing === 'string') return undefined
      changed = standing
      check(yield { kind: 'change', name: producer }, call)
      return undefined
    },
    /** A failed change leaves the file published. */
    *failed(): Asking {
      if (!isSame(changed, standingAt(absolute))) return
      try {
        yield* publish(program, absolute, call)
      } catch {
        // The call fails with its own error.
      }
    },
  }
}

/** The operation around an open. `opened` gets the descriptor or FileHandle if it writes. */
export function opening(
  program: Program,
  path: ManagedPath,
  flags: number,
  call: CallName,
  opened: (value: unknown, path: string, flags: number) => void,
): Operation | undefined {
  const common = around(program, path, flags, call)
  if (!writes(flags) && path.producer !== undefined) {
    return {
      ...common,
      succeeded(value) {
        opened(value, path.absolute, flags)
        return undefined
      },
    }
  }
  if (common === undefined || !writes(flags)) return common
  if (isOwn(path, flags)) return { ...common, succeeded: () => owning(path, call) }
  return {
    ...common,
    succeeded(value) {
      opened(value, path.absolute, flags)
      return undefined
    },
  }
}

/** The operation around a call that opens a file, reads or writes it, and closes it. */
export function using(program: Program, path: ManagedPath, flags: number, call: CallName): Operation | undefined {
  const common = around(program, path, flags, call)
  if (common === undefined || !writes(flags)) return common
  if (isOwn(path, flags)) return { ...common, succeeded: () => owning(path, call) }
  return {
    ...common,
    succeeded: () => publish(program, path.absolute, { syscall: 'close' }),
  }
}

/**
 * The operation around a call that changes the permissions or the times of a file, which are in its
 * record: a published file is published again.
 */
export function touching(program: Program, { producer, absolute }: ManagedPath, call: CallName): Operation | undefined {
  if (producer === undefined) return undefined
  let wasPublished = false
  return {
    *before() {
      if (typeof standingAt(absolute) === 'string') return undefined
      wasPublished = check(yield { kind: 'change', name: producer }, call).kind === 'done'
      return undefined
    },
    *succeeded() {
      if (wasPublished) yield* publish(program, absolute, call)
    },
    *failed() {
      try {
        if (wasPublished) yield* publish(program, absolute, call)
      } catch {
        // The call fails with its own error.
      }
    },
  }
}

/** As above, by a descriptor. The close of a writing descriptor publishes the file anyway. */
export function touchingOpen(program: Program, fd: unknown, call: CallName): Operation | undefined {
  if (!program.produces || typeof fd !== 'number' || program.written.get(fd) !== undefined) return undefined
  const absolute = placeOf({ fd, path: '' })
  const producer = absolute === undefined ? undefined : program.places.producerName(absolute)
  if (absolute === undefined || producer === undefined) return undefined
  return touching(program, { absolute, producer, consumer: undefined }, call)
}

/** The operation around the close of a descriptor that was open for writing. */
export function closing(program: Program, written: Written): Operation {
  program.written.delete(written.fd)
  const place = placeOf(written)
  return {
    *succeeded() {
      if (place !== undefined && !written.isDamaged) yield* publish(program, place, { syscall: 'close' })
    },
  }
}
