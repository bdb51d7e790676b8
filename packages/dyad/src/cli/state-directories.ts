import { type ConfigOptions, readConfig } from '@dyad-ts/core'
import { environment, formerStateDirectories, readOption } from '@dyad-ts/core/internal'

/**
 * Returns the directories in which services of this user on this host may listen: that of the
 * options, and those of earlier versions unless a flag or a variable names it.
 */
export function stateDirectories(options: ConfigOptions): string[] {
  const { stateDir } = readConfig(options)
  const isDefault = readOption('stateDir', options).origin === 'default'
  return isDefault ? [stateDir, ...formerStateDirectories(environment())] : [stateDir]
}
