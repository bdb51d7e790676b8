import type { SequentialDigest } from './sequential-digest.js'

/** A method of FileHandle that changes the bytes of the file. */
export type WritingMethod = 'write' | 'writev' | 'writeFile' | 'appendFile' | 'truncate'

/** The bytes of a write, and their place. */
interface Writing {
  readonly pieces: readonly Uint8Array[]
  readonly position: number | undefined
}

/**
 * Calls a method of FileHandle, and passes its bytes to the digest. Loses the digest if it cannot
 * know the bytes.
 */
export async function trackHandle<Result>(
  digest: SequentialDigest,
  method: WritingMethod,
  args: readonly unknown[],
  call: () => Promise<Result>,
): Promise<Result> {
  const writing = writingOf(method, args)
  if (writing === undefined) {
    digest.lose()
    return call()
  }
  const { pieces, position } = writing
  const ended = digest.writing(pieces, position)
  try {
    const result = await call()
    // Methods that write a whole file return nothing.
    await ended(bytesWritten(result) ?? pieces.reduce((bytes, piece) => bytes + piece.length, 0))
    return result
  } catch (error) {
    digest.lose()
    await ended(0)
    throw error
  }
}

/** Undefined if the bytes are unknown here. */
function writingOf(method: WritingMethod, [data, ...how]: readonly unknown[]): Writing | undefined {
  if (method === 'truncate') return undefined
  if (method === 'writev') {
    if (!Array.isArray(data) || !data.every(ArrayBuffer.isView)) return undefined
    return { pieces: data.map(asBytes), position: positionIn(how[0]) }
  }
  if (method !== 'write') {
    const [options] = how
    const bytes = allBytes(data, typeof options === 'string' ? options : memberOf(options, 'encoding'))
    return bytes && { pieces: [bytes], position: undefined }
  }
  const bytes = allBytes(data, how[1])
  if (bytes === undefined) return undefined
  if (typeof data === 'string') return { pieces: [bytes], position: positionIn(how[0]) }
  const [first, second, third] = how
  const isOptions = typeof first === 'object' && first !== null
  const offset = Number((isOptions ? memberOf(first, 'offset') : first) ?? 0)
  const length = Number((isOptions ? memberOf(first, 'length') : second) ?? bytes.length - offset)
  const position = positionIn(isOptions ? memberOf(first, 'position') : third)
  return { pieces: [bytes.subarray(offset, offset + length)], position }
}

/**
 * Returns all bytes of a text or a view, or undefined for a source that is read during the write.
 */
function allBytes(data: unknown, encoding: unknown): Uint8Array | undefined {
  if (typeof data === 'string') return Buffer.from(data, typeof encoding === 'string' ? encodingOf(encoding) : 'utf8')
  return ArrayBuffer.isView(data) ? asBytes(data) : undefined
}

function encodingOf(name: string): BufferEncoding {
  return Buffer.isEncoding(name) ? name : 'utf8'
}

function asBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function bytesWritten(result: unknown): number | undefined {
  const written = memberOf(result, 'bytesWritten')
  return typeof written === 'number' ? written : undefined
}

/**
 * Returns a position as the methods take it. Anything but a number means the current position of
 * the file.
 */
function positionIn(value: unknown): number | undefined {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
