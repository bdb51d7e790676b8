import { open, stat, utimes } from 'node:fs/promises'
import type { FileVersion } from '../../transfer/contract.js'

const BLOCK = 1024 * 1024
/** Long past, so that any later write gives the file another modification time. */
const LONG_AGO = new Date('2001-02-03T04:05:06Z')

/** The bytes that `seed` puts from `position` on; different at every word of every seed. */
export function content(seed: number, position: number, length: number): Buffer {
  const first = Math.floor(position / 4)
  const words = new Uint32Array(Math.ceil(length / 4) + 2)
  for (let i = 0; i < words.length; i++)
    words[i] = Math.imul(first + i + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)
  return Buffer.from(words.buffer, position - first * 4, length)
}

/** Writes `size` bytes of {@link content} into `file`, creating it or in place. */
export async function writeContent(file: string, size: number, seed: number): Promise<void> {
  const handle = await open(file, 'a+').then(async (made) => {
    await made.close()
    return open(file, 'r+')
  })
  try {
    for (let at = 0; at < size; at += BLOCK) {
      const bytes = content(seed, at, Math.min(BLOCK, size - at))
      await handle.write(bytes, 0, bytes.length, at)
    }
    await handle.truncate(size)
  } finally {
    await handle.close()
  }
}

export async function backdate(file: string): Promise<void> {
  await utimes(file, LONG_AGO, LONG_AGO)
}

export async function versionOf(storage: string, path: string): Promise<FileVersion> {
  const { size, mtimeNs } = await stat(`${storage}/${path}`, { bigint: true })
  return { storage, path, size: Number(size), mtimeNs }
}
