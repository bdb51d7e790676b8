/**
 * Makes the `close` of something that is made of parts. It disposes of them, the last one first,
 * and of each although another one failed. Every call resolves once all of them have ended, or
 * rejects with the first failure.
 * @param parts complete when `close` is called first
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
