/**
 * The other side of Child: answers what it is asked by the table of operations, any number at once,
 * and ends with whoever asks.
 */
export function answer(operations: Record<string, (...args: never[]) => unknown>): void {
  const send = process.send?.bind(process) as (message: unknown) => void
  process.on('message', async ({ id, operation, args }: { id: number; operation: string; args: unknown[] }) => {
    try {
      if (operation === 'ready') return send({ id })
      const work = operations[operation] as ((...args: unknown[]) => unknown) | undefined
      if (work === undefined) throw new Error(`there is no operation ${operation}`)
      send({ id, value: await work(...args) })
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      send({ id, error: { message, code } })
    }
  })
  process.on('disconnect', () => process.exit())
  // A terminal sends Ctrl-C to everybody; the one who asks ends us once it has cleaned up.
  process.on('SIGINT', () => {})
}

/** Tells that something has happened. */
export function note(name: string): void {
  process.send?.({ note: name })
}

/** Nanoseconds that some work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - began)
}
