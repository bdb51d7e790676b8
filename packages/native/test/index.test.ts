import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const platform = `${process.platform}-${process.arch}-gnu`
const tsx = createRequire(import.meta.url).resolve('tsx')

/**
 * What the package finds from a folder of its own, whose node_modules has the platform's package
 * with these files.
 */
function found(files: readonly string[] | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-native-'))
  try {
    cpSync(fileURLToPath(new URL('../src', import.meta.url)), join(folder, 'src'), { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const at = join(folder, 'node_modules/@dyad-ts', `native-${platform}`)
    if (files !== undefined) mkdirSync(at, { recursive: true })
    for (const name of files ?? []) writeFileSync(join(at, name), '{}')
    const ask = `const { addonFile, preloadLibrary, whyMissing } = await import(${JSON.stringify(join(folder, 'src/index.ts'))})
      console.log(JSON.stringify({ library: preloadLibrary(), addon: addonFile(), why: whyMissing() }))`
    const args = ['--import', tsx, '--input-type=module', '-e', ask]
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    if (stdout === '') throw new Error(stderr)
    return { at, ...(JSON.parse(stdout) as { library?: string; addon?: string; why: string }) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the files lie in the package of this platform', async (t) => {
  const { at, library, addon } = found(['package.json', 'libdyad_preload.so', `dyad.${platform}.node`])
  t.equal(library, join(at, 'libdyad_preload.so'))
  t.equal(addon, join(at, `dyad.${platform}.node`))
})

test('a package without its files is one that was not built, and says how', async (t) => {
  const { at, library, addon, why } = found(['package.json'])
  t.match({ library, addon }, { library: undefined, addon: undefined })
  t.ok(why.startsWith(`${at} is empty`), why)
  t.match(why, /npm run build:native/)
})

test('a platform without its package is told', async (t) => {
  const { library, addon, why } = found(undefined)
  t.match({ library, addon }, { library: undefined, addon: undefined })
  t.match(why, new RegExp(`@dyad-ts/native-${platform} is not installed`))
})
