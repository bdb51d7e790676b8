// Checks the types of the JavaScript and TypeScript in README.md, packages/*/README.md and the
// guides against the built packages.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blocksOf, guides, readmes } from './readme-blocks.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
// Below test/, where every package can be imported by its name.
const folder = mkdtempSync(`${root}test/.readmes-`)
try {
  const names = new Map()
  for (const { file, language, line, text } of [...readmes(root), ...guides(root)].flatMap((page) =>
    blocksOf(root, page),
  )) {
    if (language !== 'js' && language !== 'ts') continue
    const name = `${file.replaceAll('/', '-')}-${line}.ts`
    names.set(name, file)
    // Each line stands where the README has it.
    writeFileSync(`${folder}/${name}`, `${'\n'.repeat(line - 1)}${text}`)
  }
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false }
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ extends: '../../tsconfig.tests.json', compilerOptions, include: ['*.ts'], exclude: [] }),
  )
  if (names.size > 0) {
    const tsc = `${root}node_modules/typescript/bin/tsc`
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: root,
      encoding: 'utf8',
    })
    const shown = stdout.replaceAll(`test/${basename(folder)}/`, '')
    process.stdout.write([...names].reduce((text, [name, readme]) => text.replaceAll(name, readme), shown) + stderr)
    if (status !== 0) process.exitCode = 1
  }
  console.log(`readmes: ${names.size} examples`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
