import type { SourceDirectory, TransportAddress } from '@dyad/core'

/** What a local server advertises. */
export interface LocalAddress {
  readonly host: string
  readonly directories: readonly SourceDirectory[]
}

const VERSION = 1
const MAX_ADDRESS_LENGTH = 16 * 1024

export function writeAddress({ host, directories }: LocalAddress): TransportAddress {
  return JSON.stringify({
    v: VERSION,
    host,
    directories: directories.map(({ path, dev, ino }) => ({ path, dev: `${dev}`, ino: `${ino}` })),
  })
}

/** The address, or undefined if it is not one of this version. */
export function readAddress(text: TransportAddress): LocalAddress | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined
  try {
    const { v, host, directories } = JSON.parse(text) as Record<string, unknown>
    if (v !== VERSION || typeof host !== 'string' || !Array.isArray(directories)) return undefined
    return { host, directories: directories.map(readDirectory) }
  } catch {
    return undefined
  }
}

function readDirectory(value: unknown): SourceDirectory {
  const { path, dev, ino } = value as Record<string, unknown>
  if (typeof path !== 'string') throw new TypeError('no path')
  return { path, dev: BigInt(String(dev)), ino: BigInt(String(ino)) }
}
