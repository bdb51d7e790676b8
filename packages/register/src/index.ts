import { realpathSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import { readClientSettings } from '@dyad-ts/core/internal/client-settings'

/** The module that loads this package, and the program that must not take part. */
export interface RegisterOptions {
  /** URL of the module that children and threads load to take part. */
  readonly url: string
  /** URL of the command `dyad`, whose processes serve programs: they would wait for themselves. */
  readonly command: string
}

/**
 * Lets this program take part through its own node:fs, as its environment says. Does nothing if
 * that names no managed directory. ERR_DYAD_OPTION.
 */
export async function register({ url, command }: RegisterOptions): Promise<void> {
  const settings = readClientSettings()
  if (settings === undefined) return
  const { standAside, takePart } = await import('./take-part.js')
  if (isMain(command)) {
    standAside()
    return
  }
  takePart(settings, url)
  syncBuiltinESMExports()
}

function isMain(command: string): boolean {
  const [, main] = process.argv
  try {
    return main !== undefined && realpathSync.native(main) === realpathSync.native(fileURLToPath(command))
  } catch {
    return false
  }
}
