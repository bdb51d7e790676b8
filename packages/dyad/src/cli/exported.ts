import { resolve } from 'node:path'
import type { ConfigOptions, OptionName } from '@dyad-ts/core'
import { OPTIONS, type OptionRow, readOption } from '@dyad-ts/core/internal'

/**
 * The variables by which another process gets the options that hold here: what the caller or the
 * environment gives, paths absolute. Undefined for variables to unset, since they would go before
 * the given ones. The token is left out: where the environment has it, it stays there.
 * ERR_DYAD_OPTION, ERR_DYAD_DTL_MODE.
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
 * The text of an option's value as a variable for other processes, which may have another working
 * directory.
 */
export function variableText(row: OptionRow<unknown>, value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return row.isPath ? resolve(String(value)) : String(value)
}
