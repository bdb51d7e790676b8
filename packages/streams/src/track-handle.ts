import type { SequentialDigest } from './sequential-digest.js'

/** A method of FileHandle by which bytes of the file change. */
export type WritingMethod = 'write' | 'writev' | 'writeFile' | 'appendFile' | 'truncate'

/** Makes a call of a method of FileHandle, and passes what it has written to the digest, or loses that where it cannot tell. */
export async function trackHandle<Result>(
  digest: SequentialDigest,
  method: WritingMethod,
  args: readonly unknown[],
  call: () => Promise<Result>,
): Promise<Result> {
  const end = digest.begin()
  try {
    const result = await call()
    if (!passWritten(digest, method, args, bytesWritten(result))) digest.lose()
    return result
  } catch (error) {
    digest.lose()
    throw error
  } finally {
    end()
  }
}

/** Whether it is known what was written, and where. */
function passWritten(
  digest: SequentialDigest,
  method: WritingMethod,
  [data, ...how]: readonly unknown[],
  written: number,
): boolean {
  if (method === 'truncate') return false
  if (method === 'writev') {
    if (!Array.isArray(data) || !data.every(ArrayBuffer.isView)) return false
    digest.wrotePieces(data.map(asBytes), written, positionIn(how[0]))
    return true
  }
  if (method !== 'write') {
    const options = how[0]
    const bytes = allBytes(data, typeof options === 'string' ? options : memberOf(options, 'encoding'))
    if (bytes !== undefined) digest.wrote(bytes, undefined)
    return bytes !== undefined
  }
  const bytes = allBytes(data, how[1])
  if (bytes === undefined) return false
  const [first, , position] = how
  if (typeof data === 'string') digest.wrote(bytes.subarray(0, written), positionIn(first))
  else {
    const isOptions = typeof first === 'object' && first !== null
    const offset = Number((isOptions ? memberOf(first, 'offset') : first) ?? 0)
    const at = isOptions ? memberOf(first, 'position') : position
    digest.wrote(bytes.subarray(offset, offset + written), positionIn(at))
  }
  return true
}

/** A text or a view whole; undefined of what was read from elsewhere while it was written. */
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

function bytesWritten(result: unknown): number {
  const written = memberOf(result, 'bytesWritten')
  return typeof written === 'number' ? written : 0
}

/** A position as the methods take it: whatever is no number means where the file stands. */
function positionIn(value: unknown): number | undefined {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
