import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COLUMNS = 100
const CODE = ['*.ts', '*.mts', '*.mjs', '*.cjs', '*.js', '*.rs', '*.c', '*.h']

/** A line that is a comment, or ends with one; not `#private` members, nor `//` of an address. */
const COMMENT = /^\s*(\/\/|\/\*|\* |\*$)|[;,{})\]\w'"`] \/\/ /

function tracked(...patterns: string[]): string[] {
  const names = execFileSync('git', ['ls-files', '-z', '--', ...patterns], { cwd: ROOT, encoding: 'utf8' })
  return names.split('\0').filter((name) => name !== '')
}

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
