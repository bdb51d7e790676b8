import type { KvsSite } from '@dyad-ts/core/conformance'
import { MemoryStore, memoryKvs } from '../src/index.js'

/** A store in this process, for one clause of the conformance suite. */
export function memorySite(): KvsSite {
  const store = new MemoryStore()
  const observer = memoryKvs({ store })
  return {
    client: () => memoryKvs({ store }),
    waiters: async () => (await observer.stats()).waiters,
    close: () => observer.close(),
  }
}
