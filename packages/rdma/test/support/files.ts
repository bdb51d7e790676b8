import { createHash } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileVersion, Transfer } from '@dyad-ts/core'
import type { Teardown } from './peer-process.js'

/** A file of a test, and the digest of its bytes. */
export interface TestFile {
  readonly version: FileVersion
  readonly digest: string
}

/**
 * A directory with files, which is removed with the test. It is on tmpfs, so that the disk of the
 * guest does not matter.
 */
export class Storage {
  readonly path: string

  constructor(t: Teardown) {
    this.path = realpathSync(mkdtempSync('/dev/shm/dyad-rdma-'))
    t.teardown(() => rmSync(this.path, { recursive: true, force: true }))
  }

  /** Writes `size` bytes that depend on `seed` and on their place. */
  write(path: string, size: number, seed = size): TestFile {
    const bytes = Buffer.alloc(size)
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(size / 4))
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e37_79b1) ^ Math.imul(seed + 1, 0x85eb_ca6b)
    writeFileSync(join(this.path, path), bytes)
    const { mtimeNs } = statSync(join(this.path, path), { bigint: true })
    const version = { storage: this.path, path, size, mtimeNs }
    return { version, digest: createHash('sha256').update(bytes).digest('hex') }
  }
}

/** Reads a transfer to its end. Resolves with the digest of its bytes. */
export async function digestOf(transfer: Transfer | AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of transfer) hash.update(chunk)
  return hash.digest('hex')
}

/** Resolves with the error of `work`, or with undefined if it succeeds. */
export function failureOf(work: Promise<unknown>): Promise<(Error & { code?: string }) | undefined> {
  return work.then(
    () => undefined,
    (error) => error,
  )
}
