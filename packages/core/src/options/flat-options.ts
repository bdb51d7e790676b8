import { DyadError } from '../errors.js'

/** Names of options that are called. */
const CALLBACK = /^on[A-Z]/

/**
 * A copy of the options with those that they inherit, as node:fs reads options, so that spreading
 * them loses none. ERR_DYAD_OPTION unless they are an object, their `signal`, if any, is an
 * AbortSignal, and every `on…` is a function.
 */
export function flatOptions<Options extends object>(options: Options): Options {
  if (typeof options !== 'object' || options === null) throw wrongOption('options', options, 'an object')
  const flat = { ...withInherited(options) }
  for (const name in flat) if (flat[name] !== undefined) check(name, flat[name])
  return flat
}

/** An object for spreading: with the members that it inherits, itself if it inherits none. */
export function withInherited<Options extends object>(options: Options): Options {
  if (Object.getPrototypeOf(options) === Object.prototype) return options
  const flat: Record<string, unknown> = {}
  for (const name in options) flat[name] = Reflect.get(options, name)
  return flat as Options
}

/** ERR_DYAD_OPTION, which names the option, what was given and what it takes. */
export function wrongOption(name: string, value: unknown, expected: string): DyadError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : describe(value)
  return new DyadError('ERR_DYAD_OPTION', { detail: `${name} is ${shown}, not ${expected}` })
}

function check(name: string, value: unknown): void {
  if (name === 'signal' && !isSignal(value)) throw wrongOption(name, value, 'an AbortSignal')
  if (typeof value !== 'function' && CALLBACK.test(name)) throw wrongOption(name, value, 'a function')
}

/** One of another realm is no instance of this one's class. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (
    typeof Reflect.get(value, 'aborted') === 'boolean' && typeof Reflect.get(value, 'throwIfAborted') === 'function'
  )
}

/** An object may have a `toString` that fails, or none. */
function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
}
