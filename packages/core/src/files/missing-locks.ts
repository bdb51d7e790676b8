let hasWarned = false

/**
 * Warns once a process that there are no file locks, and what the user does without.
 * @param why a clause for a person
 */
export function warnOfMissingLocks(why: string): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    `there are no file locks (${why}): processes of this node may fetch one file several times and put an older generation over a newer one, ` +
      'what killed processes leave is not removed, and nothing keeps two brokers from one directory',
    { type: 'DyadWarning', code: 'DYAD_NO_LOCKS' },
  )
}

/** Why a system has none: a clause for a person. */
export const NO_BUILD = `fs-native-extensions has no build for ${process.platform} on ${process.arch} with this C library`
