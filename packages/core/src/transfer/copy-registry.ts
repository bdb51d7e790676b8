import { createHash } from 'node:crypto'
import { report } from '../diagnostics.js'
import { DyadError } from '../errors.js'
import type { KvsEntry } from '../kvs/contract.js'
import { Fields } from '../kvs/fields.js'
import { decodePlain, encodePlain } from '../kvs/msgpack.js'
import type { FileRecord, Generation } from '../kvs/record.js'
import { otherKey } from './nodes.js'

/** Returns the name that a generation of a file has in the registry. */
export function copyName(namespace: string, path: string, { epoch, generation }: Generation): string {
  return createHash('sha256').update(`${namespace}\0${path}\0${epoch}\0${generation}`).digest('hex')
}

/** Returns the prefix of all keys of a generation: of the queue, and of the offers. */
export function copyKeys(name: string): string {
  return otherKey('copy', name)
}

/** Returns the key of a node's place in the queue; without a node, the prefix of all places. */
export function placeKey(name: string, ...node: [string] | []): string {
  return otherKey('copy', name, 'want', ...node)
}

/** Returns the key of a node's offer; without a node, the prefix of all offers. */
export function offerKey(name: string, ...node: [string] | []): string {
  return otherKey('copy', name, 'have', ...node)
}

/** Encodes the offer of a copy: where it lies, and its modification time there. */
export function encodeOffer(offer: Pick<FileRecord, 'storage' | 'mtimeNs'> & { readonly node: string }): Uint8Array {
  const { node, storage, mtimeNs } = offer
  return encodePlain({ node, storage, mtimeNs })
}

/**
 * Reads an offer, and trusts nothing in it: returns the record as that node has it. Reports an
 * offer that cannot be read, and returns undefined, so that it does not hide the others.
 */
export function decodeOffer(entry: KvsEntry, name: string, record: FileRecord): FileRecord | undefined {
  try {
    const fields = new Fields(decodePlain(entry.value))
    const owner = fields.node('node')
    if (entry.key !== offerKey(name, owner)) throw new RangeError(`it is an offer of '${owner}'`)
    return { ...record, owner, storage: fields.directory('storage'), mtimeNs: fields.bigint('mtimeNs') }
  } catch (cause) {
    const detail = `the offer of a copy: ${(cause as Error).message}`
    report('dyad.kvs.unreadable', { error: new DyadError('ERR_DYAD_METADATA', { path: record.path, detail, cause }) })
    return undefined
  }
}
