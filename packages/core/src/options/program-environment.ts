import { isAbsolute } from 'node:path'
import { DyadError } from '../errors.js'
import { environment, OPTIONS } from './config.js'
import type { OptionRow } from './option-row.js'
import { PREFIX } from './unknown-variables.js'

/**
 * The environment of another program of this user: that program's variables DYAD_*, as far as
 * options read them, and no other ones of that beginning. ERR_DYAD_OPTION for a relative path,
 * which would be relative to the working directory of this process.
 */
export function programEnvironment(variables: ReadonlyMap<string, string>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(environment())) if (!name.startsWith(PREFIX)) env[name] = value
  const rows: readonly OptionRow<unknown>[] = Object.values(OPTIONS)
  for (const { env: name, isPath } of rows) {
    const value = variables.get(name)
    if (value === undefined) continue
    if (isPath && value !== '' && !isAbsolute(value)) {
      throw new DyadError('ERR_DYAD_OPTION', {
        option: name,
        detail: `${JSON.stringify(value)} is not an absolute path`,
      })
    }
    env[name] = value
  }
  return env
}
