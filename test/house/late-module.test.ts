// Until version 22 Node resolves no symlinks of a module's path after a synchronous stat of a
// socket, such as the one that a killed process leaves behind.
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'

const run = promisify(execFile)
const PACKAGES = fileURLToPath(new URL('../../packages/', import.meta.url))

/** What each file loads late, and what a fresh process prints once that is loaded. */
const LATE = [
  ['core/dist/glob.js', `(await late.globTest('a*'))('ab')`, /^true$/],
  // The libraries of rdma-core may be missing here, and koffi may not.
  [
    'rdma/dist/verbs/library.js',
    `(() => { try { late.loadVerbs() } catch (e) { return e.message } })()`,
    /^(undefined$|lib|RDMA verbs cannot be used here: on host '.+' \(lib)/,
  ],
  [
    'agent/dist/peer-user.js',
    `(late.loadPeerUser(), (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8').includes('koffi'))`,
    /^true$/,
  ],
] as const

test('modules that load late are found after a stat of a socket', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-late-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const server = createServer().listen(path)
  t.teardown(() => server.close())
  // What `require` and `import` have found before is not looked at again by each.
  const required = `void (await import('${PACKAGES}core/dist/files/native-extensions.js')).nativeExtensions()`
  for (const [[file, expression, expected], before] of LATE.flatMap((late) => [
    [late, ''] as const,
    [late, required] as const,
  ])) {
    const program = `
      import { lstatSync } from 'node:fs'
      const late = await import('${PACKAGES}${file}')
      ${before}
      lstatSync('${path}')
      console.log(${expression})`
    writeFileSync(join(folder, 'program.mjs'), program)
    // Without the loader and the folders that tap gives to child processes, which resolve names
    // too.
    const command = ['-u', 'NODE_OPTIONS', '-u', 'NODE_PATH', process.execPath, join(folder, 'program.mjs')]
    const { stdout, stderr } = await run('env', command).catch((error) => error)
    t.match(stdout.trim(), expected, `${file} ${stderr}`)
  }
})

/** A dependency that loads after the start. Files of a package itself need no symlinks. */
const LATE_DEPENDENCY = /createRequire\(import\.meta\.url\)\('|await import\('[^.']/

test('a source that loads a dependency late prepares for it first', async (t) => {
  const late = readdirSync(PACKAGES)
    .flatMap((name) =>
      readdirSync(`${PACKAGES}${name}/src`, { recursive: true, encoding: 'utf8' }).map((file) => `${name}/src/${file}`),
    )
    .filter((file) => file.endsWith('.ts') && LATE_DEPENDENCY.test(readFileSync(`${PACKAGES}${file}`, 'utf8')))
  t.ok(late.length >= LATE.length)
  for (const file of late) {
    const [before = ''] = readFileSync(`${PACKAGES}${file}`, 'utf8').split(LATE_DEPENDENCY)
    t.match(before, /prepareLateModule\(\)\n[^\n]*$/, file)
  }
})
