/** Lets this program take part through its own node:fs, as its environment says. */

import { syncBuiltinESMExports } from 'node:module'
import { readClientSettings } from '@dyad/core/client-settings'

const settings = readClientSettings()
if (settings !== undefined) {
  const { takePart } = await import('./take-part.js')
  takePart(settings, import.meta.url)
  syncBuiltinESMExports()
}
