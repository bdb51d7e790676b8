/**
 * A copy of the options with those that they inherit, as node:fs reads options: whatever is spread or
 * taken apart afterwards leaves out none. Undefined stays undefined.
 */
export function flatOptions<Options extends object | undefined>(options: Options): Options {
  if (options === undefined) return options
  const flat: Record<string, unknown> = {}
  for (const name in options) flat[name] = Reflect.get(options, name)
  return flat as Options
}
