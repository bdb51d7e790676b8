/**
 * The other side of TestProcess: answers what the test asks by the table of operations, any number
 * at once.
 */
export function answer(operations: Record<string, (...args: never[]) => unknown>): void {
  const send = process.send?.bind(process) as (message: unknown) => void
  process.on('message', async ({ id, op, args }: { id: number; op: string; args: unknown[] }) => {
    try {
      const operation = operations[op] as ((...args: unknown[]) => unknown) | undefined
      if (op === 'ready') send({ id, value: true })
      else if (operation === undefined) throw new Error(`there is no operation ${op}`)
      else send({ id, value: await operation(...args) })
    } catch (error) {
      const { name, message, code, node, path, rc, retryable } = error as Record<string, unknown>
      send({ id, error: { name, message, code, node, path, rc, retryable } })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** Tells the test something that it did not ask for. */
export function note(name: string, value: unknown): void {
  process.send?.({ note: name, value })
}
