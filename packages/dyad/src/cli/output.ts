import { createWriteStream, fstatSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { styleText } from 'node:util'
import { visible } from '@dyad-ts/core/internal'
import { outputFailure } from './interruption.js'
import { type Level, logged } from './service-log.js'

/** The characters of a result that are written at once. */
const PIECE = 64 * 1024

/**
 * Prints one line of a result. Paths and the like come from others: on a terminal everything that
 * it would act on is shown as an escape sequence; elsewhere only what would end the line is, so
 * that xargs(1) gets exact names.
 */
export function print(line: string): void {
  write(`${shown(line)}\n`)
}

/**
 * As `print`, emphasized on a terminal that shows it; NO_COLOR and its like are the terminal's to
 * know.
 */
export function printHeading(line: string): void {
  const text = shown(line)
  write(`${process.stdout.isTTY && process.stdout.hasColors() ? styleText('bold', text) : text}\n`)
}

/** Prints lines for another program exactly as they are. */
export function printExactly(line: string): void {
  write(`${line}\n`)
}

/** Writes a message about the command to stderr, or to the log of a service. */
export function say(line: string, level: Level = 'info'): void {
  if (!logged(level, line)) tell(`dyad: ${line}`)
}

/**
 * Prints one value as a line of JSON. Numbers that JSON cannot hold exactly are text. The contents
 * of small files, which come with their records, are left out.
 */
export function printJson(value: unknown): void {
  write(`${jsonOf(value)}\n`)
}

/** Prints any number of values as one line, an array of JSON. */
export async function printJsonArray(values: readonly unknown[]): Promise<void> {
  await writeAll(function* () {
    yield '['
    for (const [i, value] of values.entries()) yield `${i === 0 ? '' : ','}${jsonOf(value)}`
    yield ']\n'
  })
}

/**
 * Prints any number of rows in columns under a heading; columns named in `right` are aligned to the
 * right.
 */
export async function printTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): Promise<void> {
  const widths = heading.map((title) => title.length)
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, shown(cell).length)
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const text = shown(cell)
        const width = widths[i] ?? 0
        if (right.includes(heading[i] ?? '')) return text.padStart(width)
        return i === cells.length - 1 ? text : text.padEnd(width)
      })
      .join('  ')
  printHeading(line(heading))
  await writeAll(function* () {
    for (const row of rows) yield `${line(row)}\n`
  })
}

/** Writes a line to stderr, or to the log of a service. */
export function tell(line: string, level: Level = 'info'): void {
  if (!logged(level, line)) process.stderr.write(`${visible(line)}\n`)
}

/** The standard output for bytes; it stays open when they end. */
export function outputStream(): NodeJS.WritableStream {
  return isFile() ? createWriteStream('', { fd: process.stdout.fd, autoClose: false }) : process.stdout
}

/** Writes text to the standard output; throws an Interruption if a file does not take all of it. */
export function write(text: string): void {
  if (!isFile()) {
    process.stdout.write(text)
    return
  }
  // On a disk that becomes full a write may be short, which the stream of Node takes for a success.
  const bytes = Buffer.from(text)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(process.stdout.fd, bytes, done)
  } catch (error) {
    throw outputFailure(error as NodeJS.ErrnoException)
  }
}

/**
 * Writes pieces, many at once; others have a turn in between, a signal that interrupts the command
 * among them.
 */
async function writeAll(pieces: () => Iterable<string>): Promise<void> {
  let text = ''
  for (const piece of pieces()) {
    text += piece
    if (text.length < PIECE) continue
    write(text)
    text = ''
    await setImmediate()
  }
  write(text)
}

let file: boolean | undefined

/** Whether the standard output is a file, or a device that is no terminal. */
function isFile(): boolean {
  if (file === undefined) {
    const stats = fstatSync(process.stdout.fd)
    file = !process.stdout.isTTY && (stats.isFile() || stats.isCharacterDevice())
  }
  return file
}

/** A line of a result without what could end it early or, on a terminal, do anything else. */
function shown(line: string): string {
  return process.stdout.isTTY ? visible(line) : line.replace(/[\n\r]/g, visible)
}

/**
 * JSON without a character that a terminal acts on: each is escaped, so that it is read as it was.
 */
function jsonOf(value: unknown): string {
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, item: unknown) {
    if (this[name] instanceof Uint8Array) return undefined
    return typeof item === 'bigint' ? String(item) : item
  })
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A number of bytes in binary units. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** A time in nanoseconds since 1970, for people. */
export function time(ns: bigint): string {
  return moment(Number(ns / 1_000_000n))
}

/** A time in milliseconds since 1970, for people; '?' if there is no such time. */
export function moment(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().replace('T', ' ').slice(0, 19)
}
