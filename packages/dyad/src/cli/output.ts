import { styleText } from 'node:util'

/** Prints one line of a result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Says on stderr what goes on beside the result. */
export function say(line: string): void {
  process.stderr.write(`dyad: ${line}\n`)
}

/** Prints one value as a line of JSON; what JSON has no number for is text. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item)))
}

/** Prints rows in columns under a heading; columns named in `right` are aligned to the right. */
export function printTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): void {
  const widths = heading.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const width = widths[i] ?? 0
        if (right.includes(heading[i] ?? '')) return cell.padStart(width)
        return i === cells.length - 1 ? cell : cell.padEnd(width)
      })
      .join('  ')
  print(emphasis(line(heading)))
  for (const row of rows) print(line(row))
}

/** Emphasizes text on a terminal that shows it; NO_COLOR and its like are the terminal's to know. */
export function emphasis(text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText('bold', text) : text
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
