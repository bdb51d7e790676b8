import { existsSync, readdirSync, readFileSync } from 'node:fs'

/**
 * README.md, and those of the packages.
 * @param {string} root of the repository, ending in a slash
 */
export function readmes(root) {
  const packages = readdirSync(`${root}packages`).map((name) => `packages/${name}/README.md`)
  return ['README.md', ...packages].filter((readme) => existsSync(root + readme))
}

/**
 * The guides below docs/.
 * @param {string} root of the repository, ending in a slash
 */
export function guides(root) {
  const names = readdirSync(`${root}docs/guides`).filter((name) => name.endsWith('.md'))
  return names.map((name) => `docs/guides/${name}`)
}

/**
 * The fenced blocks of a Markdown file, each with its language and the number of its first line.
 * @param {string} root of the repository, ending in a slash
 * @param {string} file
 * @returns {{ file: string, language: string, line: number, text: string }[]}
 */
export function blocksOf(root, file) {
  const blocks = []
  let open
  for (const [index, line] of readFileSync(root + file, 'utf8')
    .split('\n')
    .entries()) {
    const [, indent = '', language = ''] = /^( *)```(\S*)\s*$/.exec(line) ?? []
    if (open === undefined && line.startsWith(`${indent}\`\`\``)) open = { file, language, line: index + 2, lines: [] }
    else if (open !== undefined && /^ *```\s*$/.test(line)) {
      const { lines, ...block } = open
      blocks.push({ ...block, text: `${lines.join('\n')}\n` })
      open = undefined
    } else open?.lines.push(line)
  }
  if (open !== undefined) throw new Error(`${file}: the block that begins at line ${open.line} does not end`)
  return blocks
}
