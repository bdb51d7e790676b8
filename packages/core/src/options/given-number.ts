import { wrongOption } from './flat-options.js'

/** Longest time that a timer of Node takes, some 24 days, in ms. */
export const LONGEST_MS = 2 ** 31 - 1

/**
 * A time in ms that a caller gives, from `min` on, as timers take it: LONGEST_MS, which stands for
 * ever, where it is Infinity or longer than that. ERR_DYAD_OPTION, which names the option and the
 * value.
 */
export function milliseconds(name: string, value: unknown, min = 0): number {
  if (typeof value !== 'number' || !(value >= min)) {
    throw wrongOption(name, value, `a number of milliseconds from ${min} on, or Infinity`)
  }
  return Math.ceil(Math.min(value, LONGEST_MS))
}

/**
 * A whole number within bounds that a caller gives. ERR_DYAD_OPTION, which names the option and the
 * value.
 */
export function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw wrongOption(name, value, `a whole number from ${min} to ${max}`)
  }
  return value
}
