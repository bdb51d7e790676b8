import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * The files that a page names in backticks, of those below test/ and packages/; NAME stands for
 * what somebody may add.
 */
function filesNamedIn(page: string): string[] {
  const named = [...page.matchAll(/`((?:test|packages)\/[\w./-]+\.(?:test\.)?ts)`/g)].map(([, file]) => file as string)
  return named.filter((file) => !file.includes('NAME'))
}

test('every file that a page of the house names exists', async (t) => {
  const below = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`)
  const pages = ['ARCHITECTURE.md', 'CONTRIBUTING.md', ...below]
  t.ok(below.includes('docs/guides/from-dyad.md'), 'the guides are among them')
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    const missing = filesNamedIn(readFileSync(root + page, 'utf8')).filter((file) => !existsSync(root + file))
    t.same(missing, [], `${page} names files that do not exist: ${missing.join(', ')}`)
  }
})

test('a file that does not exist is noticed', async (t) => {
  t.same(filesNamedIn('see `test/flows/producer/no-such.test.ts` and `packages/core/src/glob.ts`'), [
    'test/flows/producer/no-such.test.ts',
    'packages/core/src/glob.ts',
  ])
})

test('the page of guarantees has nine', async (t) => {
  const headings = readFileSync(`${root}docs/guarantees.md`, 'utf8').match(/^## \d\. /gm)
  t.same(headings, ['## 1. ', '## 2. ', '## 3. ', '## 4. ', '## 5. ', '## 6. ', '## 7. ', '## 8. ', '## 9. '])
})

test('each guarantee names a test that proves it', async (t) => {
  const rows = readFileSync(`${root}docs/guarantees.md`, 'utf8').match(/^\| \d \| .*$/gm) ?? []
  t.equal(rows.length, 9)
  for (const row of rows)
    t.ok(
      filesNamedIn(row).some((file) => file.endsWith('.test.ts')),
      row.slice(0, 40),
    )
})
