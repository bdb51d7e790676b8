import { constants } from 'node:fs'
import { own } from './own-fs.js'
import type { Program } from './program.js'

/**
 * Adopts the descriptors that the process inherited open for writing in the producer-managed
 * directory.
 */
export function adoptInherited({ places, written }: Program): void {
  if (!places.produces) return
  for (const name of descriptors()) {
    try {
      const path = own.readlinkSync(`/proc/self/fd/${name}`)
      if (places.producerName(path) !== undefined && isWritable(name)) written.add(Number(name), path)
    } catch {
      // The descriptor of the listed directory.
    }
  }
}

function descriptors(): string[] {
  try {
    return own.readdirSync('/proc/self/fd')
  } catch {
    // Systems without /proc.
    return []
  }
}

function isWritable(descriptor: string): boolean {
  const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(own.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? []
  return (Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
}
