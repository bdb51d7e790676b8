/**
 * Throws what node:fs says of wrong arguments, of a call that can do nothing but fail at its path.
 */
export function checkNow(call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (!isOfSystem(error)) throw error
  }
}

/** Aborts where node:fs refuses the arguments of such a call. */
export function checkLater(call: () => unknown, wrong: AbortController): void {
  const refused = (error: unknown) => {
    if (!isOfSystem(error)) wrong.abort()
  }
  try {
    Promise.resolve(call()).then(() => {}, refused)
  } catch (error) {
    refused(error)
  }
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
