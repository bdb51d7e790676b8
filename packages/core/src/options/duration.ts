/** Milliseconds of each unit of a duration. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration as a text: a decimal number and its unit, as in `250ms`, `30s`, `5m` or `1.5h`. */
export type DurationText = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** What durations look like, for people. */
export const DURATIONS = '250ms, 30s, 5m, 1.5h or 1d; a bare number is in ms'

/**
 * Returns the milliseconds of a duration: of a decimal number with a unit, or of a whole number
 * without one, which is in ms. Returns Infinity for that word. Throws a RangeError that says what
 * is wrong.
 */
export function readDuration(text: string): number {
  const word = text.trim()
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(word) ?? []
  const given = unit === '' ? Number(word) : Number(number) * (UNITS[unit] ?? Number.NaN)
  // A decimal number of seconds need not be whole in binary: 1.1 s are 1100.0000000000002 ms.
  const ms = unit === '' ? given : Math.round(given)
  if (word === '' || Number.isNaN(given)) throw new RangeError(`no duration such as ${DURATIONS}`)
  const isWhole = ms === Number.POSITIVE_INFINITY || (Number.isInteger(ms) && Math.abs(given - ms) < 1e-3)
  if (!isWhole) throw new RangeError('no whole number of milliseconds')
  return ms
}

/** Writes milliseconds as a duration in the largest unit that gives a whole number. */
export function durationText(ms: number): string {
  if (ms === 0) return '0'
  const [unit, length] = Object.entries(UNITS)
    .reverse()
    .find(([, each]) => ms % each === 0) ?? ['ms', 1]
  return `${ms / length}${unit}`
}
