import type { KvsReader, Waiting } from '../kvs/contract.js'
import { decodeNodeEntry } from '../kvs/node-entry.js'
import { loopbackAdvice } from '../loopback.js'
import type { PublishContext } from './publish.js'

/**
 * Resolves with the reason why other nodes cannot fetch this node's files, as far as the registry
 * shows, and the remedy; undefined if they can.
 */
export async function whyUnfetchable(
  { node, directory, inlineLimit }: Pick<PublishContext, 'node' | 'directory' | 'inlineLimit'>,
  registry: KvsReader,
  options: Waiting,
): Promise<string | undefined> {
  const found = await registry.get(node, options)
  const files = inlineLimit === 0 ? 'files' : `files of more than ${inlineLimit} bytes`
  const start = `\`dyad start ${directory.real}\` runs with DYAD_NODE=${node}, or this runs with the DYAD_NODE whose service serves it`
  if (found === undefined) return `no service of node '${node}' runs: nobody can fetch its ${files} until ${start}`
  const { directories, reach } = decodeNodeEntry(found)
  if (!directories.includes(directory.real)) {
    const served = directories.join(', ') || 'no directory'
    return `the service of node '${node}' serves ${served}: nobody can fetch ${files} until ${start}`
  }
  return reach === 'host' ? loopbackAdvice(node) : undefined
}
