import { DyadError } from './errors.js'
import { prepareLateModule } from './late-module.js'

/** Longest pattern, in characters: as many as a path takes, with room for what is escaped. */
const MAX_PATTERN = 4_096
/** Most patterns that the braces of one may stand for, and most parts `**` of one. */
const MAX_ALTERNATIVES = 256
const MAX_GLOBSTARS = 100

/**
 * A pattern over managed paths as a test: `*` stands for any characters but `/`, `**` between
 * slashes for any number of directories, `?` for one character but `/`, `[abc]` and `[!abc]` for
 * one of a set, `{a,b}` for either; a backslash makes the next character literal. A pattern without
 * any of these names one path. ERR_DYAD_OPTION if it is invalid, or exceeds a bound.
 */
export async function globTest(pattern: string): Promise<(path: string) => boolean> {
  if (typeof pattern !== 'string') throw refused(pattern, 'it is no string')
  if (pattern.length > MAX_PATTERN) throw refused(pattern, `it is longer than ${MAX_PATTERN} characters`)
  if (pattern === '**') return () => true
  // Most programs and commands have no pattern; loading it takes longer than a round trip to the
  // store.
  prepareLateModule()
  const { braceExpand, Minimatch } = await import('minimatch')
  return orRefused(pattern, () => {
    const alternatives = braceExpand(pattern, { braceExpandMax: MAX_ALTERNATIVES + 1 })
    if (alternatives.length > MAX_ALTERNATIVES) {
      throw refused(pattern, `its braces stand for more than ${MAX_ALTERNATIVES} patterns`)
    }
    for (const alternative of alternatives) checkGlobstars(pattern, alternative)
    const matcher = new Minimatch(pattern, {
      dot: true,
      nocomment: true,
      nonegate: true,
      noext: true,
      platform: 'linux',
      preserveMultipleSlashes: true,
      braceExpandMax: MAX_ALTERNATIVES,
    })
    return (path) => orRefused(pattern, () => matcher.match(path))
  })
}

/** Elsewhere than between slashes `**` would stand for less than it says. */
function checkGlobstars(pattern: string, alternative: string): void {
  const parts = alternative.replace(/\\.|\[[^\]]*\]/gs, '_').split('/')
  if (parts.some((part) => part !== '**' && part.includes('**'))) {
    throw refused(pattern, '** stands between slashes alone, as in **/*.bin')
  }
  if (parts.filter((part) => part === '**').length > MAX_GLOBSTARS) {
    throw refused(pattern, `it has more than ${MAX_GLOBSTARS} parts **`)
  }
}

function orRefused<T>(pattern: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof DyadError ? error : refused(pattern, (error as Error).message)
  }
}

function refused(pattern: unknown, why: string): DyadError {
  return new DyadError('ERR_DYAD_OPTION', { option: `the pattern '${String(pattern).slice(0, 200)}'`, detail: why })
}
