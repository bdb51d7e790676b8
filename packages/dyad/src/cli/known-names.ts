import { existsSync } from 'node:fs'
import type { ConfigOptions, OptionName } from '@dyad-ts/core'
import { isNodeKey, tokenSource } from '@dyad-ts/core/internal'
import { withStore } from './session.js'

/** How long the store may take to name something for a completion, in ms. */
const ANSWER_MS = 1_000

/**
 * Returns the names that the store knows for an option: namespaces or nodes; none where it does not
 * answer in a second.
 */
export async function knownNames(option: OptionName, given: ConfigOptions, signal: AbortSignal): Promise<string[]> {
  if (option !== 'namespace' && option !== 'node') return []
  const options = { ...given, kvsTimeout: ANSWER_MS }
  try {
    // A completion makes no token.
    const source = tokenSource(options)
    if (source.kind === 'own' && !existsSync(source.path ?? '')) return []
    return await withStore(options, signal, async (kvs) => {
      if (option === 'namespace') return kvs.listNamespaces({ signal })
      const nodes: string[] = []
      for await (const { key } of kvs.registry.list('', { signal })) if (isNodeKey(key)) nodes.push(key)
      return nodes
    })
  } catch {
    return []
  }
}
