// Packs every package that is published and installs the tarballs in an empty project outside the
// workspace, by the command that `npm run pack` prints. There it type-checks the first example of
// README.md, runs `dyad doctor`, for which koffi must have come along, and runs the examples of all
// READMEs, on the oldest Node that the packages name. Needs the built packages, the native build
// with its compilers where CI is set, and the registry.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linksOf } from './links.mjs'
import { missing } from './native-build.mjs'
import { packAll } from './pack.mjs'
import { blocksOf } from './readme-blocks.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { devDependencies, engines } = readJson(`${root}package.json`)
const temporary = mkdtempSync(join(tmpdir(), 'dyad-packed-'))

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function fail(text) {
  throw new Error(text)
}

function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000, ...options })
  if (result.status !== 0) {
    const how = result.error?.message ?? `it ended with ${result.status ?? result.signal}`
    fail(`${what}: ${how}\n${result.stdout ?? ''}${result.stderr ?? ''}`)
  }
  return result.stdout
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** What is wrong with an unpacked package; nothing, if all is well. */
function faultsOf(folder) {
  const files = filesBelow(folder)
  const manifest = readJson(join(folder, 'package.json'))
  const parts = manifest.main === undefined ? ['dist/index.js', 'dist/index.d.ts'] : manifest.files
  const faults = ['README.md', 'LICENSE', ...parts, ...Object.values(manifest.bin ?? {})]
    .filter((name) => !files.includes(name.replace(/^\.\//, '')))
    .map((name) => `${name} is missing`)
  for (const name of files) {
    if (/(^|\/)tests?\/|\.test\.|tsbuildinfo$|(^|\/)node_modules\//.test(name))
      faults.push(`${name} does not belong there`)
    const text = readFileSync(join(folder, name), 'utf8')
    if (text.includes(root.replace(/\/$/, ''))) faults.push(`${name} has a path of this machine`)
  }
  for (const name of ['description', 'keywords', 'homepage', 'bugs', 'repository', 'license', 'engines']) {
    if (manifest[name] === undefined) faults.push(`package.json lacks ${name}`)
  }
  for (const link of linksOf(readFileSync(join(folder, 'README.md'), 'utf8'))) {
    const [path] = link.split('#')
    if (!/^https:\/\//.test(link) && path !== '' && !files.includes(path))
      faults.push(`README.md has a link that leads nowhere: ${link}`)
  }
  if (JSON.stringify(manifest.dependencies ?? {}).includes('workspace:')) faults.push('a dependency has no version')
  return faults
}

/** Whether the native parts are here; CI needs them. */
function hasNative() {
  const folder = `native/npm/${process.platform}-${process.arch}-gnu`
  const why = missing() ?? (existsSync(`${root}packages/${folder}/libdyad_preload.so`) ? undefined : 'not built')
  if (why !== undefined && process.env.CI) fail(`the native package: ${why}`)
  if (why !== undefined) console.log(`packed: no unmodified program is run: ${why}`)
  return why === undefined
}

function check(tarballs) {
  for (const [name, tarball] of Object.entries(tarballs)) {
    const unpacked = join(temporary, `unpacked-${name.replaceAll('/', '-')}`)
    mkdirSync(unpacked)
    run(`unpack ${name}`, 'tar', ['-xzf', tarball, '-C', unpacked])
    const faults = faultsOf(join(unpacked, 'package'))
    if (faults.length > 0) fail(`${name} is packed wrong: ${faults.join('; ')}`)
  }
}

function npmInstall(what, folder, ...packages) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  run(what, 'npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], { cwd: folder })
}

/** Compiles with every check on, those of the packages' own declarations too. */
function compile(project, text) {
  writeFileSync(join(project, 'example.ts'), text)
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.ts'] }))
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  run('type-check the example of README.md', process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: project })
  console.log('packed: the example of README.md type-checks')
}

/**
 * Has the installed command look at this host: whatever is missing for RDMA, it must not be koffi.
 */
function runDoctor(project) {
  const command = join(project, 'node_modules/.bin/dyad')
  const { status, stdout, stderr } = spawnSync(command, ['doctor', '--json'], { cwd: project, encoding: 'utf8' })
  if (status !== 0 && status !== 1) fail(`dyad doctor ended with ${status}: ${stderr}`)
  const { isUsable, findings } = JSON.parse(stdout)
  if (findings.some(({ what }) => /koffi/.test(what))) fail(`koffi was not installed: ${stdout}`)
  if (isUsable !== (status === 0)) fail(`dyad doctor ended with ${status} and said: ${stdout}`)
  console.log(`packed: dyad doctor ran, and rdma ${isUsable ? 'can' : 'cannot'} be used here`)
}

/** Runs READMEs with the installed packages, on the Node in a folder. */
function runReadmes(project, native, bin) {
  const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) }
  const version = run('node', join(bin, 'node'), ['--version'], { env }).trim()
  const options = ['--modules', project, ...(native ? ['--native'] : [])]
  const args = [`${root}scripts/run-readmes.mjs`, ...options]
  run(`the READMEs on Node ${version}`, join(bin, 'node'), args, { env, cwd: temporary, timeout: 600_000 })
  console.log(`packed: the examples of all READMEs run as they are written, on Node ${version}`)
}

/** Installs the oldest Node that the packages name; returns the folder of its executable. */
function oldestNode() {
  const version = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1] ?? fail(`engines of package.json: ${engines.node}`)
  const name = `node-${process.platform}-${process.arch}`
  npmInstall(`install Node ${version}.0`, join(temporary, 'oldest'), '--ignore-scripts', `${name}@${version}.0`)
  return join(temporary, 'oldest/node_modules', name, 'bin')
}

try {
  const native = hasNative()
  const tarballs = packAll(join(temporary, 'packed'))
  console.log(`packed: ${Object.keys(tarballs).join(', ')}`)
  check(tarballs)
  const project = join(temporary, 'project')
  const tools = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`)
  npmInstall('install the tarballs', project, ...Object.values(tarballs), ...tools)
  const example = blocksOf(root, 'README.md').find(({ text }) => /from '@dyad-ts\/dyad'/.test(text))
  compile(project, example?.text ?? fail("README.md has no block that imports from '@dyad-ts/dyad'"))
  runDoctor(project)
  runReadmes(project, native, oldestNode())
} catch (error) {
  console.error(`packed: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
