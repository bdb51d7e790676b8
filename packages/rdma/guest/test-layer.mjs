// What is slow in an emulated machine is done before it boots. There, a test file takes 14 to 20 s
// with tap and tsx as they are, mostly because of the number of their files, and a third of it if
// the guest finds tap in one file, the tests compiled, and little behind the name of tsx.
import { readFileSync, realpathSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Whatever is loaded from one file instead of many goes on finding what lies beside it. */
const keepUrls = {
  name: 'keep-urls',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'js',
    }))
  },
}

/**
 * Fills a folder with what is to lie above the files of the host in the guest; see the option
 * `layer` of `bootGuest`.
 * @param {string} root of the repository
 * @param {readonly string[]} sources TypeScript files: paths below the root
 * @param {string} folder
 */
export async function makeTestLayer(root, sources, folder) {
  const require = createRequire(join(root, 'package.json'))
  // The esbuild that tsx runs.
  const tsx = realpathSync(require.resolve('tsx'))
  const esbuild = createRequire(tsx)('esbuild')
  const write = async (path, text) => {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
  }

  await write(tsx, `import '${new URL('compiled-tests.mjs', import.meta.url)}'\n`)
  // In a folder of which tap knows that it leaves it out of stacks.
  const tap = realpathSync(fileURLToPath(import.meta.resolve('tap')))
  const whole = join(root, 'node_modules/@tapjs/tap.js')
  await write(tap, `export * from '${pathToFileURL(whole)}'\nexport { default } from '${pathToFileURL(whole)}'\n`)
  await esbuild.build({
    entryPoints: [tap],
    outfile: join(folder, whole),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    banner: {
      js: "import { createRequire as toRequire } from 'node:module'; const require = toRequire(import.meta.url);",
    },
    plugins: [keepUrls],
    logLevel: 'warning',
  })
  await Promise.all(
    sources.map(async (source) => {
      const path = join(root, source)
      const { code } = await esbuild.transform(readFileSync(path, 'utf8'), {
        loader: 'ts',
        format: 'esm',
        target: `node${process.versions.node}`,
        sourcefile: path,
        sourcemap: 'inline',
      })
      await write(path.replace(/ts$/, 'js'), code)
    }),
  )
}
