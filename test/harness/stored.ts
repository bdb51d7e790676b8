import type { KvsClient, KvsNamespace, KvsStamp, NodeEntry, PublishedFile, Registration } from '@dyad-ts/core'
import { decodeNodeEntry, encodeNodeEntry, encodeRecord, keyOf } from '@dyad-ts/core/internal'

/** Milliseconds that the entry of a node outlives the test that registered it. */
const TTL = 60_000

/** The key of a managed path, with the options of keys at their defaults. */
export function storedKey(path: string): string {
  return keyOf(path, 3, 1_024)
}

/** Stores a record that no session has published, under the key of its path or of another one. */
export function putRecord(namespace: KvsNamespace, file: PublishedFile, path = file.path): Promise<KvsStamp> {
  return namespace.put(storedKey(path), encodeRecord(file))
}

/** Returns the entry of a node as soon as it is registered. */
export async function nodeEntry(client: KvsClient, node: string): Promise<NodeEntry> {
  return decodeNodeEntry(await client.registry.waitFor(node))
}

/** Registers a node that no service runs, under its own name or another one. */
export function registerNode(client: KvsClient, entry: NodeEntry, name = entry.node): Promise<Registration> {
  return client.register(name, encodeNodeEntry(entry), { ttl: TTL })
}
