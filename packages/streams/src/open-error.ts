/**
 * Returns the error of open(2) for `path`, given a system error of the preparation: the caller
 * asked to open this path, and knows nothing of a temporary file beside it. Returns other errors
 * unchanged.
 */
export function asOpenError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error) || 'dest' in error) return error
  const end = error.message.indexOf(`, ${error.syscall}`)
  if (end === -1) return error
  const errno = 'errno' in error ? { errno: error.errno } : {}
  const opening = new Error(`${error.message.slice(0, end)}, open '${path}'`, { cause: error })
  return Object.assign(opening, errno, { code: error.code, syscall: 'open', path })
}
