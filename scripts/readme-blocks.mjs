import { readdirSync, readFileSync } from 'node:fs'

/**
 * The ```ts blocks of the READMEs and guides, as modules with each line where the page has it.
 * @param {string} root of the repository, ending in a slash
 * @returns {{ readme: string, line: number, text: string }[]}
 */
export function readmeBlocks(root) {
  const readmes = ['README.md', ...readdirSync(`${root}packages`).map((name) => `packages/${name}/README.md`)]
  const guides = readdirSync(`${root}docs/guides`).map((name) => `docs/guides/${name}`)
  return [...readmes, ...guides.filter((name) => name.endsWith('.md'))].flatMap((readme) =>
    blocksOf(readme, textOf(root + readme)),
  )
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}

function blocksOf(readme, text) {
  const blocks = []
  let open
  for (const [index, line] of text.split('\n').entries()) {
    if (open === undefined && /^```ts\s*$/.test(line)) open = { readme, line: index + 2, lines: [] }
    else if (open !== undefined && /^```\s*$/.test(line)) {
      const code = open.lines.join('\n')
      const isModule = /^(import|export)\b/m.test(code)
      blocks.push({
        readme,
        line: open.line,
        text: `${'\n'.repeat(open.line - 1)}${code}\n${isModule ? '' : 'export {}\n'}`,
      })
      open = undefined
    } else open?.lines.push(line)
  }
  if (open !== undefined) throw new Error(`${readme}: the block that begins at line ${open.line} does not end`)
  return blocks
}
