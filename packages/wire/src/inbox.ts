/** Longest header of a WebSocket frame, in bytes. */
const HEADER_BYTES = 14
const FIN = 0x80
const FIN_BINARY = 0x82
const MASKED = 0x80
const MASK_BYTES = 4
/** A message this long is told of in pieces, to who wants that; in bytes. */
const LONG_BYTES = 16 * 1024
/**
 * The first piece has this many bytes at least, so that whoever is told can see what it is a piece
 * of.
 */
const FIRST_PIECE_BYTES = 64
/**
 * Opcodes from here on are those of control frames, which may stand between the parts of a message.
 */
const CONTROL = 0x08

/** Whom an inbox serves; the memory of what it is given is that of the chunk. */
export interface InboxOwner {
  /** Whether messages may still be taken. */
  readonly isOpen: boolean
  /** One message. */
  message(bytes: Buffer): void
  /**
   * The next piece of a long message of a server, where those are wanted as they come; `left` bytes
   * of it are still to come.
   */
  readonly piece?: ((bytes: Buffer, left: number) => void) | undefined
  /** Bytes that ws is to read: everything else. */
  rest(bytes: Buffer): void
}

/**
 * Takes whole binary messages out of what comes from a peer, which most are, and leaves everything
 * else to ws: control frames, text, messages in parts or, unless their pieces are wanted as they
 * come, over several chunks, and whatever is no WebSocket frame. ws reads carefully and slowly.
 */
export class Inbox {
  readonly #masked: boolean
  readonly #maxBytes: number
  readonly #owner: InboxOwner
  /** Bytes of a message that is told of in pieces and have not come yet. */
  #pieces = 0
  /** Bytes of a frame that are left to ws and have not come yet. */
  #leaving = 0
  /** A header of which only a part has come; ws has that part. */
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** Whether ws is in the middle of a message in parts. */
  #inParts = false

  /** `masked`: whether the peer is a client, which has to mask what it sends. */
  constructor(masked: boolean, maxBytes: number, owner: InboxOwner) {
    this.#masked = masked
    this.#maxBytes = maxBytes
    this.#owner = owner
  }

  /** Takes the next bytes. */
  read(chunk: Buffer): void {
    /** What is before `left` has been dealt with, what is from there to `at` is for ws. */
    let left = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#pieces > 0) {
        // What came before it has been dealt with: it began this chunk, or a piece of it did the
        // last.
        at = this.#tellPiece(chunk, at)
        left = at
        continue
      }
      if (this.#leaving > 0) {
        const more = Math.min(this.#leaving, chunk.length - at)
        this.#leaving -= more
        at += more
        continue
      }
      const header = this.#headerBytes > 0 ? 0 : headerLength(chunk, at, chunk.length)
      if (header === 0) {
        at = this.#readHeader(chunk, at)
        continue
      }
      const length = payloadLength(chunk, at)
      const start = at + header
      const isLong = this.#owner.piece !== undefined && !this.#masked && length >= LONG_BYTES
      const isAtHand = isLong ? chunk.length - start >= FIRST_PIECE_BYTES : chunk.length - start >= length
      if (!this.#isOurs(chunk, at) || length > this.#maxBytes || !isAtHand) {
        this.#leave(chunk, at)
        at = start
        continue
      }
      if (left < at) this.#owner.rest(chunk.subarray(left, at))
      if (isLong) {
        this.#pieces = length
        at = start
        continue
      }
      at = start + length
      left = at
      const bytes = chunk.subarray(start, at)
      if (this.#masked) unmask(bytes, chunk, start - MASK_BYTES)
      this.#owner.message(bytes)
    }
    if (left < at) this.#owner.rest(left === 0 ? chunk : chunk.subarray(left))
  }

  /**
   * Whether the frame at `at` is a message in one part; anything that is odd is for ws to judge.
   */
  #isOurs(chunk: Buffer, at: number): boolean {
    const expected = this.#masked ? MASKED : 0
    return (
      chunk[at] === FIN_BINARY &&
      ((chunk[at + 1] as number) & MASKED) === expected &&
      !this.#inParts &&
      this.#owner.isOpen
    )
  }

  /** Tells of what has come of a message in pieces; returns where that ends. */
  #tellPiece(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#pieces, chunk.length)
    this.#pieces -= end - at
    this.#owner.piece?.(chunk.subarray(at, end), this.#pieces)
    return end
  }

  /** Leaves the frame whose header begins at `at` to ws. */
  #leave(bytes: Buffer, at: number): void {
    const first = bytes[at] as number
    if ((first & 0x0f) < CONTROL) this.#inParts = (first & FIN) === 0
    this.#leaving = payloadLength(bytes, at)
  }

  /** Reads on in a header that comes in parts; returns where the reading has got to. */
  #readHeader(chunk: Buffer, start: number): number {
    let at = start
    while (at < chunk.length) {
      this.#header[this.#headerBytes++] = chunk[at++] as number
      if (headerLength(this.#header, 0, this.#headerBytes) === 0) continue
      this.#headerBytes = 0
      this.#leave(this.#header, 0)
      break
    }
    return at
  }
}

/** The length of the header that begins at `at`, or 0 if it does not end before `end`. */
function headerLength(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return 0
  const second = bytes[at + 1] as number
  const short = second & 0x7f
  const length = 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + ((second & MASKED) === 0 ? 0 : MASK_BYTES)
  return end - at < length ? 0 : length
}

/** What a whole header at `at` declares, in bytes; it need not be true. */
function payloadLength(bytes: Buffer, at: number): number {
  const short = (bytes[at + 1] as number) & 0x7f
  if (short === 126) return bytes.readUInt16BE(at + 2)
  return short === 127 ? bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6) : short
}

function unmask(bytes: Buffer, from: Buffer, mask: number): void {
  const a = from[mask] as number
  const b = from[mask + 1] as number
  const c = from[mask + 2] as number
  const d = from[mask + 3] as number
  const whole = bytes.length & ~3
  let i = 0
  for (; i < whole; i += 4) {
    bytes[i] = (bytes[i] as number) ^ a
    bytes[i + 1] = (bytes[i + 1] as number) ^ b
    bytes[i + 2] = (bytes[i + 2] as number) ^ c
    bytes[i + 3] = (bytes[i + 3] as number) ^ d
  }
  for (; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (from[mask + (i & 3)] as number)
}
