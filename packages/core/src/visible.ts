/**
 * The characters that a terminal acts on, or that end a line: controls, separators of lines, marks
 * of direction, halves of surrogate pairs.
 */
const ACTIVE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * A text of somebody else as one line for a person: characters that a terminal would act on become
 * escape sequences, such as `\n`, `\x1b` or `\u202e`, and all others stay as they are.
 */
export function visible(text: string): string {
  return text.replace(ACTIVE, (sign) => NAMED[sign] ?? escapeOf(sign))
}

function escapeOf(sign: string): string {
  const code = sign.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
