import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { linksOf } from '../../scripts/links.mjs'
import { tracked } from './tracked.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Where the repository is read by those who have a package alone. */
const REPOSITORY = /^https:\/\/github\.com\/dyad-ts\/dyad\/(?:blob|tree)\/main\//

/** The anchors of the headings of a page, as GitHub makes them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The links of a page that lead nowhere; those of a package may not lead out of it by a path. */
function lost(page: string, text: string): string[] {
  const ofPackage = /^packages\/[^/]+\//.exec(page)?.[0]
  const defined = new Set([...text.matchAll(/^\[([^\]]+)\]: /gm)].map(([, name]) => name))
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '')
  const undefinedOnes = [...prose.matchAll(/\]\[([^\]]+)\]/g)].map(([, name = '']) => name)
  const broken = linksOf(text).filter((link) => {
    const isOurs = REPOSITORY.test(link)
    if (/^(https?|mailto):/.test(link) && !isOurs) return false
    const [path = '', anchor] = (isOurs ? link.replace(REPOSITORY, '') : link).split('#')
    const target = isOurs ? path : path === '' ? page : relative(root, join(root, dirname(page), path))
    if (!isOurs && ofPackage !== undefined && !target.startsWith(ofPackage)) return true
    if (!existsSync(root + target)) return true
    if (anchor === undefined) return false
    // GitHub shows the README of a folder.
    const shown = statSync(root + target).isDirectory() ? join(root, target, 'README.md') : root + target
    return !anchors(readFileSync(shown, 'utf8')).includes(anchor)
  })
  return [...broken, ...undefinedOnes.filter((name) => !defined.has(name))]
}

test('every link of a page leads to a file and a heading that exist', async (t) => {
  const pages = tracked('*.md')
  t.ok(pages.length > 25, 'all pages are looked at')
  for (const page of pages) t.same(lost(page, readFileSync(root + page, 'utf8')), [], page)
})

test('links that lead nowhere are noticed', async (t) => {
  const text = [
    '# A b: c',
    '[1](none.md) [2](README.md#none) [3](#a-b-c) [4](#none) [5](https://example.org/none) [6][no] [7][yes]',
    '[8](https://github.com/dyad-ts/dyad/blob/main/none.md)',
    '',
    '[yes]: docs/errors.md',
    '```sh\n[9](none)\n```',
  ].join('\n')
  const page = 'README.md'
  const found = ['none.md', 'README.md#none', '#none', 'https://github.com/dyad-ts/dyad/blob/main/none.md', 'no']
  t.same(
    lost(page, text).filter((link) => link !== '#a-b-c'),
    found,
  )
  t.same(lost('packages/core/README.md', '[1](../../docs/errors.md) [2](src/errors.ts)'), ['../../docs/errors.md'])
})
