import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Program } from './table.js'

export const PAGE = fileURLToPath(new URL('../../../docs/unmodified.md', import.meta.url))
const BEGIN = '<!-- Written by native/test/programs/programs.native.ts --write; edit its table instead. -->'
const END = '<!-- The end of the table of programs.native.ts. -->'

/** What was found of a program, as its cells say it. */
export interface Found {
  readonly producer: string
  readonly consumer: string
}

/** The table of programs and what was found of each, in Markdown. */
export function matrix(rows: readonly (readonly [Program, Found])[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const lines = rows.map(
    ([{ name, does }, { producer, consumer }]) =>
      `| ${cell(name)} | ${cell(does)} | ${cell(producer)} | ${cell(consumer)} |`,
  )
  return ['| program | tried with | as producer | as consumer |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

/** The page with this table between the marks of ours. */
export function pageWith(table: string): string {
  const page = readFileSync(PAGE, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`${PAGE} lacks the marks around the matrix`)
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`
}
