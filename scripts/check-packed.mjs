// Packs every package that is published, installs the tarballs into an empty project outside the
// workspace, and there type-checks and runs the first example of README.md, the `dyad` command,
// `dyad doctor`, for which koffi must have come along, and a C program by `dyad run`. Needs the
// built packages, the native build with its compilers where CI is set, and the registry.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { missing } from './native-build.mjs'
import { readmeBlocks } from './readme-blocks.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { packageManager, devDependencies } = readJson(`${root}package.json`)
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
  if (JSON.stringify(manifest.dependencies ?? {}).includes('workspace:')) faults.push('a dependency has no version')
  return faults
}

/**
 * The folder of the native package of this platform; undefined where nothing was built, which CI
 * does not allow.
 */
function nativeFolder() {
  const folder = `native/npm/${process.platform}-${process.arch}-gnu`
  const why = missing() ?? (existsSync(`${root}packages/${folder}/libdyad_preload.so`) ? undefined : 'not built')
  if (why === undefined) return folder
  if (process.env.CI) fail(`the native package: ${why}`)
  console.log(`packed: no C program is run: ${why}`)
  return undefined
}

/** Packs the packages; tells their tarballs by name. */
function pack(native) {
  const tarballs = {}
  for (const folder of [...readdirSync(`${root}packages`), ...(native === undefined ? [] : [native])]) {
    const path = `${root}packages/${folder}`
    if (!existsSync(`${path}/package.json`) || readJson(`${path}/package.json`).private) continue
    const { name, version } = readJson(`${path}/package.json`)
    run(`pack ${name}`, 'npx', ['-y', packageManager, 'pack', '--pack-destination', temporary], { cwd: path })
    const tarball = join(temporary, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
    const unpacked = join(temporary, `unpacked-${folder.replaceAll('/', '-')}`)
    mkdirSync(unpacked)
    run(`unpack ${name}`, 'tar', ['-xzf', tarball, '-C', unpacked])
    const faults = faultsOf(join(unpacked, 'package'))
    if (faults.length > 0) fail(`${name} is packed wrong: ${faults.join('; ')}`)
    tarballs[name] = tarball
  }
  return tarballs
}

function install(tarballs, project) {
  const files = Object.fromEntries(Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]))
  const overrides = Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`]))
  const { typescript, '@types/node': types } = devDependencies
  const manifest = {
    name: 'empty-project',
    private: true,
    type: 'module',
    dependencies: files,
    devDependencies: { typescript, '@types/node': types },
    overrides,
  }
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest, null, 2))
  run('install the tarballs', 'npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project })
}

/** Compiles with every check on, those of the packages' own declarations too. */
function compile(project) {
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    outDir: 'built',
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.ts'] }))
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  run('type-check the example of README.md', process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: project })
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

/** Starts the installed service with its store; resolves when it says that it runs. */
async function startNode(project, directories, env) {
  const command = join(project, 'node_modules/.bin/dyad')
  const child = spawn(command, ['start', '--broker', ...directories], {
    cwd: project,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = []
  child.stderr.setEncoding('utf8').on('data', (text) => said.push(text))
  const ended = new Promise((done) => child.once('close', done))
  const first = await Promise.race([
    new Promise((done) => createInterface({ input: child.stdout }).once('line', done)),
    ended.then((status) => fail(`dyad start ended with ${status}: ${said.join('')}`)),
  ])
  console.log(`packed: ${first}`)
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const status = await ended
      if (status !== 0) fail(`dyad start ended with ${status} when it was told to: ${said.join('')}`)
    },
  }
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

async function runExample(project, text) {
  const dyad = join(project, 'node_modules/.bin/dyad')
  const here = { PATH: process.env.PATH, HOME: project, XDG_RUNTIME_DIR: join(project, 'state') }
  mkdirSync(here.XDG_RUNTIME_DIR)
  // An example that names its store gets that one.
  const named = /kvs: '(ws:[^']+)'/.exec(text)?.[1]
  const env = { ...here, DYAD_KVS: named ?? `ws://127.0.0.1:${await freePort()}` }
  console.log(`packed: dyad ${run('dyad --version', dyad, ['--version'], { cwd: project, env }).trim()}`)
  const directories = [...text.matchAll(/(?:producer|consumer)Path: '([^']+)'/g)].map(([, path]) =>
    resolve(project, path),
  )
  const node = await startNode(project, directories.length > 0 ? [...new Set(directories)] : [project], env)
  try {
    const namespace = /namespace: '([^']+)'/.exec(text)?.[1]
    const existing = run('dyad namespace list', dyad, ['namespace', 'list'], { cwd: project, env }).split('\n')
    if (namespace !== undefined && !existing.includes(namespace)) {
      run('dyad namespace create', dyad, ['namespace', 'create', namespace], { cwd: project, env })
    }
    const said = run('the example of README.md', process.execPath, ['built/example.js'], {
      cwd: project,
      env,
      timeout: 60_000,
    })
    console.log(`packed: the example ran${said === '' ? '' : ` and said: ${said.trim()}`}`)
  } finally {
    await node[Symbol.asyncDispose]()
  }
}

const PROGRAM = `
  #include <stdio.h>
  #include <string.h>
  int main(int count, char **words) {
    char text[16] = "written by C\\n";
    int writes = strcmp(words[1], "write") == 0;
    FILE *file = fopen(words[2], writes ? "wb" : "rb");
    if (file == NULL) return perror(words[2]), 1;
    if (writes) fputs(text, file);
    else if (fgets(text, sizeof text, file) != NULL) fputs(text, stdout);
    return fclose(file) == 0 ? 0 : (perror(words[2]), 1);
  }`

/**
 * Compiles a C program, and has it produce and consume by the installed `dyad run`; the consumer
 * waits.
 */
async function runPrograms(project) {
  writeFileSync(join(project, 'program.c'), PROGRAM)
  run('cc', 'cc', ['-o', 'program', 'program.c'], { cwd: project })
  const dyad = join(project, 'node_modules/.bin/dyad')
  const [made, brought] = ['made', 'brought'].map((name) => join(project, name))
  const env = {
    PATH: process.env.PATH,
    HOME: project,
    XDG_RUNTIME_DIR: join(project, 'programs'),
    DYAD_KVS: `ws://127.0.0.1:${await freePort()}`,
    DYAD_KVS_NAMESPACE: 'programs',
    DYAD_NODE: 'n1',
  }
  mkdirSync(env.XDG_RUNTIME_DIR)
  const node = await startNode(project, ['--namespace', 'programs', made], env)
  try {
    const run = (...args) => {
      const child = spawn(dyad, ['run', ...args], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] })
      const said = []
      child.stdout.setEncoding('utf8').on('data', (text) => said.push(text))
      return new Promise((done) => child.once('close', (status) => done({ status, said: said.join('') })))
    }
    const consumed = run(
      '--node',
      'n2',
      '--consumer',
      brought,
      '--timeout',
      '60000',
      './program',
      'read',
      join(brought, 'text'),
    )
    const produced = await run('--producer', made, './program', 'write', join(made, 'text'))
    const { status, said } = await consumed
    if (produced.status !== 0) fail(`dyad run of a producer in C ended with ${produced.status}`)
    if (status !== 0 || said !== 'written by C\n')
      fail(`dyad run of a consumer in C ended with ${status} and said: ${said}`)
    console.log('packed: a C program produced and consumed by dyad run')
  } finally {
    await node[Symbol.asyncDispose]()
  }
}

try {
  const native = nativeFolder()
  const tarballs = pack(native)
  console.log(`packed: ${Object.keys(tarballs).join(', ')}`)
  const example = readmeBlocks(root).find(
    ({ readme, text }) => readme === 'README.md' && /from '@dyad-ts\/dyad'/.test(text),
  )
  const project = join(temporary, 'project')
  install(tarballs, project)
  if (example === undefined) fail("README.md has no ```ts block that imports from '@dyad-ts/dyad'")
  writeFileSync(join(project, 'example.ts'), example.text)
  compile(project)
  console.log('packed: the example of README.md type-checks')
  runDoctor(project)
  await runExample(project, example.text)
  if (native !== undefined) await runPrograms(project)
} catch (error) {
  console.error(`packed: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
