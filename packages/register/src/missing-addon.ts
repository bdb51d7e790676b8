import { DyadError } from '@dyad-ts/core/internal/client-settings'

/** Returns the error of a synchronous call on a managed path without the addon. */
export function missingAddon(path?: unknown): Error {
  return new DyadError('ERR_DYAD_ADDON', { path: typeof path === 'string' ? path : undefined })
}
