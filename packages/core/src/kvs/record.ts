import { DyadError } from '../errors.js'
import { digestFault, type FileDigest } from '../files/digest.js'
import type { FileVersion } from '../transfer/contract.js'
import type { KvsEntry, KvsStamp } from './contract.js'
import { Fields } from './fields.js'
import { decodePlain, encodePlain } from './msgpack.js'

/** Version of the record's layout. */
export const RECORD_VERSION = 1
/** The bits of a mode that are permissions. */
const PERMISSIONS = 0o777

/** A file as its producer publishes it. */
export interface PublishedFile extends FileVersion {
  /** Id of the node that holds the file. */
  readonly owner: string
  /** Permission bits, without set-id and sticky bits. */
  readonly mode: number
  /** All bytes of the file, if it is small enough for them to travel in its record. */
  readonly inline?: Uint8Array | undefined
  /**
   * The digest of all bytes of the file, by which consumers verify them. Undefined if publishing
   * did not know it, as for a large file that a program did not write through DYAD from beginning
   * to end.
   */
  readonly digest?: FileDigest | undefined
}

/** Identifies one publish of a path. */
export interface Generation {
  /**
   * Grows at each publish of the same path. It is the revision that the store gave the record, so
   * that it costs no round trip and two producers never give the same one twice.
   */
  readonly generation: number
  /**
   * Names the start of the store that gave it: an older copy of the store's data gives the same
   * number again, under another epoch.
   */
  readonly epoch?: string | undefined
}

/** Members are added one by one: spreading what may be missing takes as long as the checks do. */
type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

/** The record that stands under the key of a managed path. */
export interface FileRecord extends PublishedFile, Generation {}

/** Whether both are of the same publish. */
export function isSameGeneration(a: Generation, b: Generation): boolean {
  return a.generation === b.generation && a.epoch === b.epoch
}

/** Whether `a` may be of a later publish than `b`. Between epochs only the store knows. */
export function mayBeNewer(a: Generation, b: Generation): boolean {
  return a.epoch !== b.epoch || a.generation > b.generation
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
    digest: file.digest && { algorithm: file.digest.algorithm, value: file.digest.value },
  })
}

/**
 * Reads the entry that a store gave for the key of `path`, trusting nothing in it.
 * ERR_DYAD_METADATA.
 */
export function decodeRecord(entry: KvsEntry, path: string): FileRecord {
  return orMetadataError(path, () => ofPath(path, decode(entry)))
}

/**
 * Reads an entry of whatever path, trusting nothing in it: the entry must stand under the key of
 * its own path. ERR_DYAD_METADATA.
 * @param keyOf the key of a managed path
 */
export function decodeAnyRecord(entry: KvsEntry, keyOf: (path: string) => string): FileRecord {
  return orMetadataError(entry.key, () => {
    const record = decode(entry)
    if (keyOf(record.path) !== entry.key) {
      throw new RangeError(`it is not the key of '${record.path}' with this key depth and these bins`)
    }
    return record
  })
}

/** The record of `path` that a caller gives, trusting nothing in it. ERR_DYAD_METADATA. */
export function checkRecord(given: unknown, path: string): FileRecord {
  return orMetadataError(path, () => {
    const fields = new Fields(given)
    return ofPath(path, checked(fields, { revision: fields.count('generation'), epoch: fields.epochIfAny('epoch') }))
  })
}

function decode(entry: KvsEntry): FileRecord {
  const fields = new Fields(decodePlain(entry.value))
  const version = fields.count('v')
  if (version !== RECORD_VERSION) throw new RangeError(`layout ${version} is not known here`)
  return checked(fields, entry)
}

/** Checks every field of a record, for everybody. */
function checked(fields: Fields, { revision: generation, epoch }: KvsStamp): FileRecord {
  const size = fields.count('size')
  const inline = fields.bytes('inline')
  if (inline !== undefined && inline.length !== size) {
    throw new RangeError(`it carries ${inline.length} bytes of a file of ${size}`)
  }
  const digest = fields.map('digest')
  const record: Writable<FileRecord> = {
    path: fields.path('path'),
    owner: fields.node('owner'),
    size,
    mtimeNs: fields.bigint('mtimeNs'),
    // A publisher has no say in set-id and sticky bits elsewhere.
    mode: fields.count('mode', 0o7777) & PERMISSIONS,
    storage: fields.directory('storage'),
    generation,
  }
  if (epoch !== undefined) record.epoch = epoch
  if (inline !== undefined) record.inline = inline
  if (digest !== undefined) record.digest = digestIn(digest)
  return record
}

/** Keeps a digest of an unknown algorithm as it is, for versions that can verify it. */
function digestIn(fields: Fields): FileDigest {
  const digest = { algorithm: fields.text('algorithm', 32), value: fields.text('value', 128) }
  const fault = digestFault(digest)
  if (fault !== undefined) throw new RangeError(`bad digest: ${fault}`)
  return digest
}

function ofPath(path: string, record: FileRecord): FileRecord {
  if (record.path !== path) throw new RangeError(`it is the record of '${record.path}'`)
  return record
}

function orMetadataError<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new DyadError('ERR_DYAD_METADATA', { path, cause })
  }
}
