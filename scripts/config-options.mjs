// The type of the options as a program gives them, from their table in packages/core: an editor
// shows the doc comment of a property, and no comment of a table.

const COLUMNS = 100

/** Lines of a doc comment, no word of which goes past the column. */
function wrapped(text, indent) {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== '' && indent.length + 3 + line.length + 1 + word.length > COLUMNS) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => `${indent} * ${line}`)
}

function typeOf(row) {
  const value = row.fallback({})
  return row.type ?? (value === undefined ? 'string' : typeof value)
}

/** What is accepted, where the type does not say it. */
function accepts(row) {
  return typeOf(row) === 'boolean' ? '' : `Accepts ${row.accepts}. `
}

/** A default as a program writes it. */
function inProgram(row, text) {
  const value = row.fallback({})
  if (row.defaultText !== undefined || value === undefined) return text
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/**
 * @param {Record<string, object>} options their table
 * @param {(name: string, row: object) => string} defaultOf what the default of an option is
 */
export function configOptions(options, defaultOf) {
  const properties = Object.entries(options).map(([name, row]) =>
    [
      '  /**',
      ...wrapped(row.doc, '  '),
      '   *',
      ...wrapped(`${accepts(row)}The variable is ${row.env}.`, '  '),
      ...wrapped(`@default ${inProgram(row, defaultOf(name, row))}`, '  '),
      '   */',
      `  readonly ${name}?: ${typeOf(row)} | undefined`,
    ].join('\n'),
  )
  return `
import type { DtlMode } from './dtl-modes.js'
import type { DurationText } from './duration.js'

/**
 * Options as a program gives them. The environment, and then the defaults, set each option that is
 * missing or undefined.
 */
export interface ConfigOptions {
${properties.join('\n')}
}
`
}
