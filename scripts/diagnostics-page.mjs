// The page of the diagnostics channels, from the doc comments of their table in packages/core.
import { readFileSync } from 'node:fs'

/** A channel of the table: its doc comment, its name, and the fields of its message. */
const ROW = /^ {2}\/\*\*\s*((?:(?!\*\/)[\s\S])*?)\s*\*\/\n {2}'(dyad\.[\w.]+)': \{ (.*) \}$/gm

/**
 * @param {string} path of the table
 * @param {readonly string[]} channels all that there are
 * @returns {{ name: string, doc: string, message: string }[]}
 */
function rowsOf(path, channels) {
  const rows = [...readFileSync(path, 'utf8').matchAll(ROW)].map(([, doc, name, message]) => ({
    name,
    doc: doc.replace(/(^|\n)\s*\* ?/g, ' ').trim(),
    message: message.split('; ').join(', '),
  }))
  const names = rows.map(({ name }) => name)
  if (names.join() !== channels.join()) throw new Error(`${path}: read ${names}, and the channels are ${channels}`)
  return rows
}

/**
 * @param {string} path of the table
 * @param {readonly string[]} channels all that there are
 * @param {(head: string[], rows: string[][]) => string} table makes a table of Markdown
 */
export function diagnosticsPage(path, channels, table) {
  const rows = rowsOf(path, channels).map(({ name, doc, message }) => [`\`${name}\``, doc, `\`${message}\``])
  return `
# Diagnostics channels

A session publishes what it does on channels of \`node:diagnostics_channel\`. A channel without
subscribers costs next to nothing. Names follow the way of the data: \`producer\`, \`kvs\`,
\`transfer\`, \`consumer\`.

\`\`\`ts
import { subscribe } from 'node:diagnostics_channel'
import { CHANNELS, type Diagnostics } from '@dyad-ts/dyad'

subscribe('dyad.consumer.stored', (message) => {
  const { record, moved, duration } = message as Diagnostics['dyad.consumer.stored']
  console.log(\`\${record.path}: \${moved} bytes in \${duration} ms\`)
})
for (const name of CHANNELS) subscribe(name, () => {}) // all of them
\`\`\`

Without a line of code, \`DYAD_SYNC_DEBUG=1\` and \`NODE_DEBUG=dyad\` print the same on stderr: the name
of the channel and its message, one line each. Control characters in names are escaped. An
unmodified program has no session of its own: its failures are all that \`DYAD_SYNC_DEBUG\` prints.

${table(['channel', 'what happened', 'message'], rows)}

\`record\` is a \`FileRecord\`: \`path\`, \`owner\`, \`size\`, \`mtimeNs\`, \`mode\` and more. Errors are
\`DyadError\`s where DYAD raised them ([errors](../errors.md)).
`
}
