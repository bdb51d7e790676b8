import type { NodeEntry, Transport } from '@dyad-ts/core'
import { obstacleTo } from '@dyad-ts/core/internal'

/** One transport for fetching from a node, and the reason why this side uses it or not. */
export interface Way {
  readonly transport: string
  /** The address that the node offers; missing if it offers none. */
  readonly address?: string | undefined
  readonly isUsed: boolean
  readonly reason: string
}

/**
 * Returns the ways to a node over each transport of this side, in the order in which a consumer
 * tries them. It uses the first that works.
 */
export async function waysTo(node: NodeEntry, transports: readonly Transport[], mode: string): Promise<Way[]> {
  const ways: Way[] = []
  let isServed = false
  for (const transport of transports) {
    const address = node.transports.find(({ name }) => name === transport.name)?.address
    const obstacle = await obstacleToAll(transport, address, node.directories)
    const isAskedFor = mode === 'auto' || mode === transport.name
    const isUsed: boolean = isAskedFor && !isServed && obstacle === undefined
    ways.push({ transport: transport.name, address, isUsed, reason: reasonFor(mode, isAskedFor, isUsed, obstacle) })
    isServed ||= isUsed
  }
  return ways
}

/**
 * Returns the obstacle to fetching from all of the directories; undefined if one can be fetched
 * from.
 */
async function obstacleToAll(
  transport: Transport,
  address: string | undefined,
  directories: readonly string[],
): Promise<string | undefined> {
  let first: string | undefined
  for (const directory of directories) {
    const obstacle = await obstacleTo(transport, address, directory)
    if (obstacle === undefined) return undefined
    first ??= obstacle
  }
  return first ?? 'it serves no directory'
}

function reasonFor(mode: string, isAskedFor: boolean, isUsed: boolean, obstacle: string | undefined): string {
  if (!isAskedFor) return `DYAD_DTL_MODE is ${mode}`
  if (obstacle !== undefined) return obstacle
  if (!isUsed) return 'a better one serves'
  return mode === 'auto' ? 'the best that both sides have' : `DYAD_DTL_MODE is ${mode}`
}
