import { own } from './own-fs.js'

/** Prints a line on stderr. */
export function sayLine(text: string): void {
  try {
    own.writeSync(2, `dyad: ${text}\n`)
  } catch {
    // No process reads it.
  }
}
