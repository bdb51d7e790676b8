import { DyadError } from '@dyad-ts/core/internal/client-settings'

/** The error of a synchronous call on a managed path where the addon is not there. */
export function missingAddon(): Error {
  return new DyadError('ERR_DYAD_ADDON')
}
