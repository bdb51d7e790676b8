import { createRequire } from 'node:module'
import { prepareLateModule } from '@dyad-ts/core/internal'

/** Loads koffi, which most commands do without. Throws if it has no build for this system. */
export function loadKoffi(): typeof import('koffi') {
  prepareLateModule()
  return createRequire(import.meta.url)('koffi')
}
