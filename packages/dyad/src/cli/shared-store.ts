import { type ConfigOptions, DyadError, readConfig } from '@dyad-ts/core'
import { optionText } from '@dyad-ts/core/internal'

/**
 * Throws ERR_DYAD_OPTION if the store is `memory:`: it belongs to one process, so a command would
 * find an empty one and leave nothing.
 */
export function assertSharedStore(options: ConfigOptions): void {
  if (readConfig(options).kvs !== 'memory:') return
  throw new DyadError('ERR_DYAD_OPTION', {
    option: optionText('kvs'),
    detail: 'memory: is a store of one process alone, which a command cannot share',
    remedy: 'Set it to the address of a store: ws://HOST:PORT or wss://HOST:PORT.',
  })
}
