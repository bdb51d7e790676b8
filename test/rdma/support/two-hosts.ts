// What programs that run on both of two joined hosts have in common: which of them they are, how
// each waits for the other, and what ends with them.
import { strictEqual } from 'node:assert'
import { mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ADDRESSES = { owner: '10.99.1.1', consumer: '10.99.1.2' }
export const role = process.argv[2] === 'owner' ? 'owner' : 'consumer'

/** Options of every node and session, on either host. */
export const COMMON = {
  kvs: `ws://${ADDRESSES.owner}:4610`,
  host: ADDRESSES[role],
  token: 'secret',
  namespace: 'pair',
  stateDir: join(tmpdir(), 'state'),
} as const

const port = openSync('/dev/virtio-ports/peer', 'r+')

/** Tells the other host. */
export function tell(word: string): void {
  writeSync(port, `${word}\n`)
}

/**
 * Waits for the other host, and with it this whole process: a read of the port that is still
 * pending would keep it from ending.
 */
export function heard(word: string): void {
  const byte = Buffer.alloc(1)
  let line = ''
  while (readSync(port, byte) === 1 && byte[0] !== 10) line += byte.toString('latin1')
  strictEqual(line, word)
}

/** A directory of this host, in memory. */
export function directory(name: string): string {
  const path = join(tmpdir(), name)
  mkdirSync(path, { recursive: true })
  return path
}

const ends: (() => unknown)[] = []
/** What a process of the harness needs to end with this one. */
export const scope = { teardown: (work: () => unknown) => void ends.push(work) }

/** Does what this host has to do, and ends what was started for it. */
export async function run(roles: Record<typeof role, () => Promise<void>>): Promise<void> {
  try {
    await roles[role]()
  } finally {
    for (const end of ends) await end()
  }
}
