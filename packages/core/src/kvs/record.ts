import { DyadError } from '../errors.js'
import type { FileVersion } from '../transfer/contract.js'
import type { KvsEntry } from './contract.js'
import { Fields } from './fields.js'
import { decodePlain, encodePlain } from './msgpack.js'

/** Version of the record's layout. */
export const RECORD_VERSION = 1

/** What publishing states of a file. */
export interface PublishedFile extends FileVersion {
  /** Id of the node that holds the file. */
  readonly owner: string
  /** Permission bits. */
  readonly mode: number
  /** All bytes of the file, if it is small enough for them to travel in its record. */
  readonly inline?: Uint8Array | undefined
}

/** What is published under the key of a managed path. */
export interface FileRecord extends PublishedFile {
  /**
   * Grows at each publish of the same path. It is the revision that the store gave the record, so that it costs no round trip
   * and two producers never give the same one twice.
   */
  readonly generation: number
}

/** The bytes to store for a file. */
export function encodeRecord(file: PublishedFile): Uint8Array {
  return encodePlain({
    v: RECORD_VERSION,
    path: file.path,
    owner: file.owner,
    size: file.size,
    mtimeNs: file.mtimeNs,
    mode: file.mode,
    storage: file.storage,
    inline: file.inline,
  })
}

/** Reads what a store holds under the key of `path`, trusting nothing. ERR_DYAD_METADATA. */
export function decodeRecord(entry: KvsEntry, path?: string): FileRecord {
  try {
    const fields = new Fields(decodePlain(entry.value))
    const version = fields.count('v')
    if (version !== RECORD_VERSION) throw new RangeError(`layout ${version} is not known here`)
    const inline = fields.bytes('inline')
    const record: FileRecord = {
      path: fields.text('path', 4_000),
      owner: fields.text('owner', 255),
      size: fields.count('size'),
      mtimeNs: fields.bigint('mtimeNs'),
      mode: fields.count('mode', 0o7777),
      storage: fields.text('storage', 4_096),
      generation: entry.revision,
      ...(inline && { inline }),
    }
    if (inline !== undefined && inline.length !== record.size) {
      throw new RangeError(`it carries ${inline.length} bytes of a file of ${record.size}`)
    }
    if (!entry.key.endsWith(record.path) || (path !== undefined && record.path !== path)) {
      throw new RangeError(`it is the record of '${record.path}'`)
    }
    return record
  } catch (cause) {
    throw new DyadError('ERR_DYAD_METADATA', { path: path ?? entry.key, cause })
  }
}
