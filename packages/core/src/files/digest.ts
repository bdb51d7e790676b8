import { crc32 } from 'node:zlib'

/**
 * The digest of all bytes of a file. It finds accidents on the way, on a disk or in memory; it is
 * no proof against forgery.
 */
export interface FileDigest {
  /**
   * `crc32`, as in gzip and zlib. Other versions of DYAD may write others, which this one does not
   * verify.
   */
  readonly algorithm: string
  /** In lower-case hexadecimal digits, of which `crc32` has eight. */
  readonly value: string
}

/**
 * The algorithm that this version writes and verifies. zlib's CRC-32 takes 0.15 ms per MiB and
 * 0.3 µs for a small file, and can be continued. OpenSSL's poly1305 takes half of that for large
 * files on processors with AVX-512, as long elsewhere, and 5 µs for a small file.
 */
const ALGORITHM = 'crc32'

/** Why this cannot be a digest, as a clause for a person; undefined if it can. */
export function digestFault({ algorithm, value }: FileDigest): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(algorithm)) return 'bad name of an algorithm'
  const digits = algorithm === ALGORITHM ? /^[0-9a-f]{8}$/ : /^[0-9a-f]{1,128}$/
  return digits.test(value) ? undefined : `bad ${algorithm}`
}

/** The digest of bytes that pass one after the other, from the first byte of a file on. */
export class RunningDigest {
  #crc = 0
  #length = 0

  /** How many bytes have passed. */
  get length(): number {
    return this.#length
  }

  /** The digest of what has passed. */
  get digest(): FileDigest {
    return { algorithm: ALGORITHM, value: this.#crc.toString(16).padStart(8, '0') }
  }

  /** Another that goes on from here. */
  fork(): RunningDigest {
    const fork = new RunningDigest()
    fork.#crc = this.#crc
    fork.#length = this.#length
    return fork
  }

  /** The next bytes pass; they stay the caller's. */
  pass(bytes: Uint8Array): void {
    // Of an empty array without memory zlib makes 0, whatever went before.
    if (bytes.length > 0) this.#crc = crc32(bytes, this.#crc)
    this.#length += bytes.length
  }

  /** Whether what has passed comes to that digest; true where its algorithm is not known here. */
  fits(digest: FileDigest): boolean {
    return digest.algorithm !== ALGORITHM || Number.parseInt(digest.value, 16) === this.#crc
  }
}

/** The difference of two digests, as a clause for a person. */
export function misfit(found: FileDigest, published: FileDigest): string {
  return `${found.algorithm} ${found.value} instead of ${published.value}`
}

/** The digest of all bytes of a file. */
export function digestOf(bytes: Uint8Array): FileDigest {
  const running = new RunningDigest()
  running.pass(bytes)
  return running.digest
}

/**
 * A running digest that verifies the bytes of a file as they pass; undefined if there is no digest,
 * or one of an unknown algorithm.
 */
export function verifiable(digest: FileDigest | undefined): RunningDigest | undefined {
  return digest?.algorithm === ALGORITHM ? new RunningDigest() : undefined
}
