import { DyadError } from '../errors.js'

/**
 * A copy of the options with those that they inherit, as node:fs reads options, so that spreading
 * them loses none. ERR_DYAD_OPTION unless they are an object.
 */
export function flatOptions<Options extends object>(options: Options): Options {
  if (typeof options !== 'object' || options === null) {
    throw new DyadError('ERR_DYAD_OPTION', { detail: `options are an object, and not ${String(options)}` })
  }
  const flat: Record<string, unknown> = {}
  for (const name in options) flat[name] = Reflect.get(options, name)
  return flat as Options
}
