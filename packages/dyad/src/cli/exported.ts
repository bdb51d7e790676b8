import { resolve } from 'node:path'
import type { ConfigOptions, OptionName } from '@dyad-ts/core'
import { OPTIONS, type OptionRow, readOption } from '@dyad-ts/core/internal'

/**
 * Returns the variables that give another process the options of this one, without the defaults and
 * with absolute paths. The value is undefined for a variable to unset, which would override a given
 * one. The token is left out; it stays in the environment if it is there. ERR_DYAD_OPTION,
 * ERR_DYAD_DTL_MODE.
 */
export function exported(given: ConfigOptions): Map<string, string | undefined> {
  const variables = new Map<string, string | undefined>()
  if (given.tokenFile !== undefined || given.open !== undefined) {
    for (const name of ['token', 'tokenFile', 'open'] as const) variables.set(OPTIONS[name].env, undefined)
  }
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const row: OptionRow<unknown> = OPTIONS[name]
    const { value, origin } = readOption(name, given)
    if (name === 'token' || value === undefined || origin === 'default') continue
    if (origin === 'environment' && variables.has(row.env)) continue
    variables.set(row.env, variableText(row, value))
  }
  return variables
}

/**
 * Returns the value of an option as the text of a variable. Paths are absolute, because another
 * process may have another working directory.
 */
export function variableText(row: OptionRow<unknown>, value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return row.isPath ? resolve(String(value)) : String(value)
}
