import { resolve } from 'node:path'
import { DURATIONS, readDuration } from './duration.js'
import { LONGEST_MS } from './given-number.js'

/** One row of the table of options. */
export interface OptionRow<T> {
  /** Environment variable that gives the option where the program does not. */
  readonly env: string
  /** What is accepted, for people. */
  readonly accepts: string
  /** The unit of a number, for people; `duration` for a time in ms. */
  readonly unit?: string
  /** The words that are accepted, where no other text is. */
  readonly choices?: readonly string[]
  /** What the default is, for people, where the value itself would not tell. */
  readonly defaultText?: string
  readonly doc: string
  /** The name of its type in a program, where that is more than a text. */
  readonly type?: string
  /** Whether the value is the path of a file or a directory. @default false */
  readonly isPath?: boolean | undefined
  /** The default on this machine. */
  fallback(env: NodeJS.ProcessEnv): T
  /** Reads what a variable or a command line says; throws a RangeError that says what is wrong. */
  parse(text: string): T
}

/** What an option means to people: its variable, its documentation, and its default. */
interface Row<T> {
  env: string
  default: T
  doc: string
}

const OFF = new Set(['0', 'false', 'no', 'off', ''])
const ON = new Set(['1', 'true', 'yes', 'on'])

/** An option that is on or off. */
export function boolean({ env, default: fallback, doc }: Row<boolean>): OptionRow<boolean> {
  return {
    env,
    doc,
    accepts: '1, true, yes, on; 0, false, no, off or nothing',
    choices: ['on', 'off'],
    fallback: () => fallback,
    parse: (text) => {
      const word = text.trim().toLowerCase()
      if (OFF.has(word)) return false
      if (ON.has(word)) return true
      throw new RangeError('neither on nor off')
    },
  }
}

/** An option that is a whole number within bounds. */
export function integer({
  env,
  default: fallback,
  doc,
  min,
  max,
  unit,
}: Row<number> & { min: number; max: number; unit?: string }): OptionRow<number> {
  return {
    env,
    doc,
    accepts: `${min} to ${max}${unit === undefined ? '' : ` ${unit}`}`,
    ...(unit !== undefined && { unit }),
    fallback: () => fallback,
    parse: (text) => {
      const value = Number(text)
      if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > max) {
        throw new RangeError(`not a whole number from ${min} to ${max}`)
      }
      return value
    },
  }
}

/**
 * An option that is a time in whole ms. A longer one than `max` is refused; without `max`, a time
 * that is too long for a timer is for ever.
 */
export function duration({
  env,
  default: fallback,
  doc,
  min,
  max,
}: Row<number> & { min: number; max?: number }): OptionRow<number> {
  const range = max === undefined ? `${min} ms or more; Infinity is for ever` : `${min} to ${max} ms`
  return {
    env,
    doc,
    unit: 'duration',
    type: 'number | DurationText',
    accepts: `${DURATIONS}; ${range}`,
    fallback: () => fallback,
    parse: (text) => {
      const ms = readDuration(text)
      if (ms < min) throw new RangeError(`less than ${min} ms`)
      if (max !== undefined && ms > max) throw new RangeError(`more than ${max} ms`)
      return Math.min(ms, LONGEST_MS)
    },
  }
}

/** An option that is one of a few words. */
export function choice<Word extends string>({
  env,
  default: fallback,
  doc,
  choices,
}: Row<Word> & { choices: readonly Word[] }): OptionRow<Word> {
  return {
    env,
    doc,
    choices,
    type: choices.map((word) => `'${word}'`).join(' | '),
    accepts: choices.join(', '),
    fallback: () => fallback,
    parse: (text) => {
      const word = choices.find((each) => each === text)
      if (word === undefined) throw new RangeError('none of them')
      return word
    },
  }
}

/** An option that is any text; empty counts as not given. */
export function text({
  env,
  doc,
  accepts,
  defaultText,
  isPath,
}: Omit<Row<never>, 'default'> & { accepts: string; defaultText?: string; isPath?: true }): OptionRow<
  string | undefined
> {
  return {
    env,
    doc,
    accepts,
    isPath,
    ...(defaultText !== undefined && { defaultText }),
    fallback: () => undefined,
    parse: (given) => (given === '' ? undefined : given),
  }
}

/**
 * An option that is a directory; a relative one is resolved here, once, so that it stays the same
 * when the working directory changes.
 */
export function directory(row: Parameters<typeof text>[0]): OptionRow<string | undefined> {
  return { ...text({ ...row, isPath: true }), parse: (given) => (given === '' ? undefined : resolve(given)) }
}
