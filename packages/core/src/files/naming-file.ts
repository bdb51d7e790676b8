import { TEMPORARY_PREFIX } from '../managed-path.js'

/**
 * A system error of work on a file, under the path that the caller knows: the system names a
 * temporary file beside it or a descriptor, or nothing. Other errors are returned as they are.
 */
export function namingFile(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  if ('path' in error && typeof error.path === 'string' && !isInternal(error.path)) return error
  const end = error.message.indexOf(`, ${error.syscall}`)
  if (end === -1) return error
  const { syscall, code } = error
  const errno = 'errno' in error ? { errno: error.errno } : {}
  const named = new Error(`${error.message.slice(0, end)}, ${syscall} '${path}'`, { cause: error })
  return Object.assign(named, errno, { code, syscall, path })
}

function isInternal(path: string): boolean {
  return path.includes(`/${TEMPORARY_PREFIX}`) || path.startsWith('/proc/self/fd/')
}
