import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { tracked } from './tracked.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COLUMNS = 100

/** A row of a table, or a line that is only a link, in a list or not, or its definition. */
const EXCEPTED = /^\s*(\||(?:[-*] )?!?\[[^\]]*\]\([^)]*\)[.,;]?$|\[[^\]]*\]: \S+$|<?https?:\S+$)/

/** Numbers of the lines of a page whose prose goes past the last column. */
function longLines(page: string): number[] {
  let fence: string | undefined
  return page.split('\n').flatMap((line, at) => {
    const [, mark] = /^\s*(```+|~~~+)/.exec(line) ?? []
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined
      return []
    }
    fence = mark
    return mark !== undefined || EXCEPTED.test(line) || [...line].length <= COLUMNS ? [] : [at + 1]
  })
}

test(`no prose of a page goes past ${COLUMNS} columns`, (t) => {
  const pages = tracked('*.md')
  t.ok(pages.length > 15, 'all pages are looked at')
  const long = pages.flatMap((name) =>
    longLines(readFileSync(`${ROOT}${name}`, 'utf8')).map((line) => `${name}:${line}`),
  )
  t.strictSame(long, [])
  t.end()
})

test('a long line is noticed, but not in tables, code and links', (t) => {
  const long = 'word '.repeat(21)
  t.strictSame(longLines(['short', long, `- ${long}`, `### ${long}`].join('\n')), [2, 3, 4])
  t.strictSame(longLines(['```sh', long, '```', long].join('\n')), [4])
  t.strictSame(longLines(['  ````', '```', long, '  ````', long].join('\n')), [5])
  const url = `https://example.org/${'a'.repeat(100)}`
  t.strictSame(longLines([`| ${long} |`, `[name](${url})`, `[name]: ${url}`, url].join('\n')), [])
  t.strictSame(longLines(`See [name](${url})`), [1])
  t.strictSame(longLines('µ'.repeat(100)), [], 'columns are characters, not bytes')
  t.end()
})
