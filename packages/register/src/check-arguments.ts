/** Throws the error of node:fs for wrong arguments of a call that fails at its path in any case. */
export function checkNow(call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (!isOfSystem(error)) throw error
  }
}

/** Aborts if node:fs refuses the arguments of such a call. */
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
