import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isPreloadable } from '@dyad-ts/core/internal'
import { preloadLibrary, whyMissing } from '@dyad-ts/native'

/**
 * Returns the path of the library for LD_PRELOAD. Throws an error that says why it is missing, and
 * what to do.
 */
export function requiredLibrary(): string {
  const library = preloadLibrary()
  if (library === undefined) throw new Error(`the library for unmodified programs is not here: ${whyMissing()}`)
  if (!isPreloadable(library)) {
    throw new Error(`${library}: LD_PRELOAD takes no path with a space or a colon; install dyad at another place`)
  }
  return library
}

/**
 * Returns NODE_OPTIONS with `@dyad-ts/dyad/register` before the former options, so that Node
 * programs take part through their own node:fs. Returns undefined if it is not built.
 */
export function registeringOptions(former: string | undefined): string | undefined {
  const register = new URL('../register.js', import.meta.url)
  if (!existsSync(fileURLToPath(register))) return undefined
  const option = `--import=${register.href}`
  const others = (former ?? '').split(' ').filter((word) => word !== option)
  return [option, ...others].join(' ').trim()
}
