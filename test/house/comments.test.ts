import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { tracked } from './tracked.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COLUMNS = 100
const CODE = ['*.ts', '*.mts', '*.mjs', '*.cjs', '*.js', '*.rs', '*.c', '*.h']

/** A line that is a comment, or ends with one; not `#private` members, nor `//` of an address. */
const COMMENT = /^\s*(\/\/|\/\*|\* |\*$)|[;,{})\]\w'"`] \/\/ /

test(`no comment goes past ${COLUMNS} columns`, (t) => {
  const files = tracked(...CODE)
  t.ok(files.length > 500, 'all files are looked at')
  const long = files.flatMap((name) =>
    readFileSync(`${ROOT}${name}`, 'utf8')
      .split('\n')
      .flatMap((line, at) => (COMMENT.test(line) && [...line].length > COLUMNS ? [`${name}:${at + 1}`] : [])),
  )
  t.strictSame(long, [])
  t.end()
})
