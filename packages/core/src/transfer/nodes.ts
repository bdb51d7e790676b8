import { within } from '../deadline.js'
import { DyadError } from '../errors.js'
import type { KvsClient } from '../kvs/contract.js'
import { decodeNodeEntry, type NodeEntry } from '../kvs/node-entry.js'
import { outageText } from '../kvs/outages.js'
import type { FileRecord } from '../kvs/record.js'

/**
 * What begins the names of entries of the registry that are no nodes': the ids of nodes have no
 * control characters.
 */
const NO_NODE = '\x01'

/** Whether an entry of the registry is a node's. */
export function isNodeKey(key: string): boolean {
  return !key.startsWith(NO_NODE)
}

/** The name of an entry of the registry that is no node's. */
export function otherKey(kind: string, ...parts: string[]): string {
  return [`${NO_NODE}${kind}`, ...parts].join(' ')
}

/**
 * The registry's entries of the nodes that files are fetched from. Asks for an entry once, and
 * again when it has failed.
 */
export class Nodes {
  readonly #kvs: Pick<KvsClient, 'registry' | 'outage'>
  readonly #known = new Map<string, NodeEntry>()

  constructor(kvs: Pick<KvsClient, 'registry' | 'outage'>) {
    this.#kvs = kvs
  }

  /**
   * The node that has the record's file; waits up to `patienceMs` for it to be registered, with 0
   * not at all. ERR_DYAD_OWNER_UNREACHABLE, ERR_DYAD_KVS_UNREACHABLE if the store is away then, and
   * the errors of KvsReader.waitFor.
   */
  async find(record: FileRecord, patienceMs: number, signal: AbortSignal): Promise<NodeEntry> {
    const known = this.#known.get(record.owner)
    // It may have been started anew, with more directories.
    if (known?.directories.includes(record.storage)) return known
    const about = { path: record.path, node: record.owner }
    const absent = () => {
      const { outage } = this.#kvs
      return outage === undefined
        ? new DyadError('ERR_DYAD_OWNER_UNREACHABLE', { ...about, detail: 'no service has registered that node' })
        : new DyadError('ERR_DYAD_KVS_UNREACHABLE', { ...about, detail: outageText(outage), cause: outage.why })
    }
    const entry =
      patienceMs === 0
        ? await this.#kvs.registry.get(record.owner, { signal })
        : await within(patienceMs, absent, signal, (bounded) =>
            this.#kvs.registry.waitFor(record.owner, { signal: bounded }),
          )
    if (entry === undefined) throw absent()
    const node = decodeNodeEntry(entry)
    this.#known.set(record.owner, node)
    return node
  }

  /** Drops the entry of a node, which did not hold. */
  forget(node: string): void {
    this.#known.delete(node)
  }
}
