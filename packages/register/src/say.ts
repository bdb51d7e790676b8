import { own } from './own-fs.js'

/** Says a line on stderr. */
export function sayLine(text: string): void {
  try {
    own.writeSync(2, `dyad: ${text}\n`)
  } catch {
    // Nobody reads it.
  }
}
