/**
 * Returns the `close` of an object with parts. It disposes of them in reverse order, and goes on if
 * one fails. Every call resolves once all of them have ended, or rejects with the first failure.
 * @param parts complete at the first call of `close`
 */
export function closing(parts: readonly AsyncDisposable[]): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= closeAll(parts)
    return closed
  }
}

async function closeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = []
  for (const part of [...parts].reverse()) {
    try {
      await part[Symbol.asyncDispose]()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
