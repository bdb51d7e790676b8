import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const GUIDES = readdirSync(`${ROOT}docs/guides`).map((name) => `docs/guides/${name}`)
const PAGES = [...GUIDES, 'CHANGELOG.md', 'SECURITY.md']

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): string[] {
  const headings = [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading as string)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function brokenLinksOf(page: string): string[] {
  const links = [...readFileSync(ROOT + page, 'utf8').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
  return links.flatMap(([link, path, anchor]) => {
    const target = path === '' ? ROOT + page : join(ROOT, dirname(page), path as string)
    const isWell = existsSync(target) && (anchor === undefined || anchorsOf(target).includes(anchor))
    return isWell ? [] : [link]
  })
}

test('every link of a guide leads to a page and a heading', (t) => {
  t.ok(GUIDES.length >= 9)
  for (const page of PAGES) t.strictSame(brokenLinksOf(page), [], page)
  t.end()
})

test('every guide stands in the list of guides', (t) => {
  const list = readFileSync(`${ROOT}docs/guides/README.md`, 'utf8')
  const missing = GUIDES.filter(
    (name) => !name.endsWith('/README.md') && !list.includes(`](${name.replace(/.*\//, '')})`),
  )
  t.strictSame(missing, [])
  t.end()
})

test('every variable that a guide names is one of the configuration', (t) => {
  const known = new Set(readFileSync(`${ROOT}docs/configuration.md`, 'utf8').match(/\bDYAD_[A-Z_]+\b/g))
  for (const page of PAGES) {
    const named = readFileSync(ROOT + page, 'utf8').match(/\bDYAD_[A-Z_]+\b/g) ?? []
    t.strictSame(
      named.filter(
        (name) => !known.has(name) && name !== 'DYAD_' && !name.startsWith('DYAD_RC') && name !== 'DYAD_LOG_',
      ),
      [],
      page,
    )
  }
  t.end()
})

test('the job scripts of the guides are ones of bash', (t) => {
  const scripts = GUIDES.flatMap((page) => [...readFileSync(ROOT + page, 'utf8').matchAll(/^```bash\n(.*?)^```$/gms)])
  t.equal(scripts.length, 2)
  for (const [, script] of scripts) execFileSync('bash', ['-n'], { input: script })
  t.end()
})
