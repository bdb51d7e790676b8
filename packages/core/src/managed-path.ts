import { DyadError } from './errors.js'

/**
 * Longest managed path in UTF-8 bytes: an absolute path takes 4,096 at most, and the directory
 * needs some of them.
 */
export const MAX_PATH_BYTES = 3800
/** Longest component in UTF-8 bytes, as Linux file systems have it. */
const MAX_COMPONENT_BYTES = 255
/** What the names of temporary files begin with; they are never published or served. */
export const TEMPORARY_PREFIX = '.dyad-'

/** Throws ERR_DYAD_PATH unless `path` is a managed path. */
export function assertManagedPath(path: string): void {
  const fault = managedPathFault(path)
  if (fault !== undefined)
    throw new DyadError('ERR_DYAD_PATH', { path: path.slice(0, 300).replaceAll('\0', '\\0'), detail: fault })
}

/**
 * What keeps `path` from being a managed path, which is relative, `/`-separated, normalized,
 * well-formed and within bounds; undefined if nothing does.
 */
export function managedPathFault(path: unknown): string | undefined {
  if (typeof path !== 'string') return 'it is no string'
  if (path.includes('\0')) return 'it has a NUL'
  if (!path.isWellFormed()) return 'it is not well-formed Unicode'
  if (isLonger(path, MAX_PATH_BYTES)) return `it is longer than ${MAX_PATH_BYTES} bytes`
  for (const component of path.split('/')) {
    if (component === '' || component === '.' || component === '..') return 'it is not a normalized relative path'
    if (component.startsWith(TEMPORARY_PREFIX))
      return `names beginning with ${TEMPORARY_PREFIX} are for temporary files`
    if (isLonger(component, MAX_COMPONENT_BYTES)) return `a component is longer than ${MAX_COMPONENT_BYTES} bytes`
  }
  return undefined
}

function isLonger(text: string, bytes: number): boolean {
  // A unit of UTF-16 takes three bytes at most.
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}
