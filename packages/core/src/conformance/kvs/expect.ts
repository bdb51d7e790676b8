import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { type ErrorCode, isDyadError } from '../../errors.js'
import type { KvsEntry } from '../../kvs/contract.js'

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The entry is there and has this value. */
export function expectValue(entry: KvsEntry | undefined, value: Uint8Array): asserts entry is KvsEntry {
  ok(entry !== undefined, 'there is no entry')
  ok(entry.value instanceof Uint8Array, 'the value is bytes')
  strictEqual(Buffer.compare(entry.value, value), 0, 'the value differs')
}

/** The work fails with a DyadError of this code. */
export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await rejects(work, (error) => {
    strictEqual(isDyadError(error) ? error.code : error, code)
    return true
  })
}

/** The work fails with exactly this reason. */
export async function expectReason(work: Promise<unknown>, reason: unknown): Promise<void> {
  await rejects(work, (error) => {
    strictEqual(error, reason)
    return true
  })
}

/** Everything that an iteration gives. */
export async function gather(entries: AsyncIterable<KvsEntry>): Promise<KvsEntry[]> {
  const all: KvsEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

/** The entries have these keys, in any order and each once. */
export function expectKeys(entries: readonly KvsEntry[], keys: readonly string[]): void {
  deepStrictEqual(entries.map(({ key }) => key).sort(), [...keys].sort())
}

/** The next entry of an iteration that has not ended. */
export async function take(entries: AsyncIterator<KvsEntry>): Promise<KvsEntry> {
  const { done, value } = await entries.next()
  ok(!done, 'the iteration has ended')
  return value
}

/** Reads until an entry is the one looked for; returns all that were read. */
export async function takeUntil(
  entries: AsyncIterator<KvsEntry>,
  found: (entry: KvsEntry) => boolean,
): Promise<KvsEntry[]> {
  const taken: KvsEntry[] = []
  for (;;) {
    const entry = await take(entries)
    taken.push(entry)
    if (found(entry)) return taken
  }
}

/**
 * The same promises; should the clause fail before it comes to them, their failing is no failure of
 * its own.
 */
export function pending<T extends Promise<unknown> | Promise<unknown>[]>(work: T): T {
  for (const each of Array.isArray(work) ? work : [work]) each.catch(() => {})
  return work
}
