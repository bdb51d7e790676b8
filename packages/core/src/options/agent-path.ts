import { join } from 'node:path'

const OFFSET = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n

/** Where the agent of a node listens, unless DYAD_AGENT says so. */
export function agentPath(stateDir: string, node: string): string {
  return join(stateDir, 'agents', `${fnv1a64(Buffer.from(node)).toString(16).padStart(16, '0')}.sock`)
}

/** The FNV-1a hash of 64 bits. */
function fnv1a64(bytes: Uint8Array): bigint {
  let hash = OFFSET
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME)
  return hash
}
