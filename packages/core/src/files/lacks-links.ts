/** The errors of link(2) where the file system has no hard links, or this user may make none. */
const CODES = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Whether a hard link could not be made for want of hard links. */
export function lacksLinks(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException).code ?? '')
}
