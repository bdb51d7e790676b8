// What `npm run test:rdma` runs once everything is built: the tests that need an RDMA device, in
// emulated machines that have one. Files called *.device.ts run in one guest; each program of
// test/rdma/pair runs in two that are joined by a network. Without arguments it runs what finds the
// most; `--all` runs everything. Arguments choose files, or folders of files. Where CI is set, a
// skipped test is a failure.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deviceTests } from '../packages/rdma/guest/device-tests.mjs'
import { pairTest } from '../packages/rdma/guest/pair-tests.mjs'
import { prepareGuest } from '../packages/rdma/guest/prepare.mjs'
import { makeTestLayer } from '../packages/rdma/guest/test-layer.mjs'
import { tapOutcome } from './tap-outcome.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const PAIRS = 'test/rdma/pair/'
/** Conformance, kills, the demo and two hosts. */
const FIRST = ['packages/rdma/test/device/conformance', 'packages/rdma/test/device/killed', 'test/rdma/demo']
  .map((name) => `${name}.device.ts`)
  .concat(`${PAIRS}two-hosts.ts`)

/** The TypeScript files below a folder of the repository, without the tests that need no device. */
function sourcesBelow(folder) {
  if (!existsSync(root + folder)) return []
  return readdirSync(root + folder, { recursive: true })
    .filter((name) => /\.ts$/.test(name) && !/\.(d|test)\.ts$|node_modules\//.test(name))
    .map((name) => `${folder}/${name}`)
    .sort()
}

function prepare() {
  try {
    return prepareGuest(console.log)
  } catch (error) {
    console.log(`not ok: ${error.message}`)
    process.exit(1)
  }
}

const args = process.argv.slice(2)
const isAll = args.includes('--all')
const named = args.filter((argument) => argument !== '--all')
const chosen = (isAll || named.length > 0 ? named : FIRST).map((argument) =>
  argument.replace(/^\.\//, '').replace(/\/+$/, ''),
)
const sources = ['packages/rdma/src', 'packages/rdma/test', 'test'].flatMap(sourcesBelow)
const isChosen = (file) => chosen.length === 0 || chosen.some((name) => file === name || file.startsWith(`${name}/`))
const files = sources.filter((file) => file.endsWith('.device.ts')).filter(isChosen)
const pairs = sources
  .filter((file) => file.startsWith(PAIRS) && !file.slice(PAIRS.length).includes('/'))
  .filter(isChosen)
const unknown = chosen.filter(
  (name) => ![...files, ...pairs].some((file) => file === name || file.startsWith(`${name}/`)),
)

const stopped = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stopped.abort(new Error(`ended by ${name}`)))

const image = prepare()
const layer = mkdtempSync(join(tmpdir(), 'dyad-layer-'))
const total = { passed: 0, failed: unknown.length, skipped: 0 }
for (const name of unknown) console.log(`not ok: no test file ${name}`)
try {
  await makeTestLayer(root, sources, layer)
  const env = {
    PATH: process.env.PATH ?? '',
    ...(process.env.CI && { CI: process.env.CI }),
    // How often a test that kills processes does so.
    ...(isAll && { DYAD_TEST_ALL_ROUNDS: '1' }),
  }
  const options = { cwd: root, env, layer, signal: stopped.signal }
  if (files.length > 0) {
    const { passed, failed, skipped } = await tapOutcome(deviceTests(image, files, options), console.log)
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
  }
  for (const file of pairs) {
    if (stopped.signal.aborted) break
    if (await pairTest(image, file, options, console.log)) total.passed++
    else total.failed++
  }
} finally {
  rmSync(layer, { recursive: true, force: true })
}

const { passed, failed, skipped } = total
const refused = process.env.CI ? skipped : 0
if (refused > 0) console.log('not ok: CI skips nothing')
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed === 0 && refused === 0 && passed > 0 && !stopped.signal.aborted ? 0 : 1
