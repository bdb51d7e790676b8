// What `npm test` runs once everything is built: lint, generated pages, types of tests and of README examples, then the tests.
// Arguments go to tap: `npm test -- packages/core` runs the tests below packages/core and skips the checks before.
// Where CI is set, a skipped test is a failure.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { tapOutcome } from './tap-outcome.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = {
  biome: `${root}node_modules/@biomejs/biome/bin/biome`,
  tsc: `${root}node_modules/typescript/bin/tsc`,
  tap: `${root}node_modules/tap/dist/esm/run.mjs`,
}

/** Runs a check; says only its name when it passes, and everything when it fails. */
function check(what, script, ...args) {
  const run = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 })
  console.log(`${run.status === 0 ? 'ok' : 'not ok'} ${what}`)
  if (run.status === 0) return true
  process.stdout.write(`${run.stdout}${run.stderr}`)
  if (run.error) console.log(run.error.message)
  return false
}

/** A folder stands for the test files below it. */
function testFiles(argument) {
  const isFolder = !argument.startsWith('-') && statSync(root + argument, { throwIfNoEntry: false })?.isDirectory()
  return isFolder ? `${argument.replace(/\/+$/, '')}/**/*.test.ts` : argument
}

async function runTests(args) {
  // No test finds, or makes, the token of whoever runs it.
  const config = mkdtempSync(join(tmpdir(), 'dyad-test-config-'))
  process.once('exit', () => rmSync(config, { recursive: true, force: true }))
  const tap = spawn(process.execPath, [bin.tap, '--reporter=tap', ...args.map(testFiles)], {
    cwd: root,
    env: { ...process.env, XDG_CONFIG_HOME: config },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = (signal) => tap.kill(signal)
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const ended = new Promise((resolve, reject) => tap.once('error', reject).once('close', resolve))
  const outcome = await tapOutcome(
    createInterface({ input: tap.stdout, crlfDelay: Number.POSITIVE_INFINITY }),
    console.log,
  )
  return { ...outcome, status: await ended }
}

const args = process.argv.slice(2)
const checked =
  args.length > 0 ||
  [
    check('lint', bin.biome, 'ci', '--colors=off', '--max-diagnostics=200', '.'),
    check('generated pages', `${root}scripts/docs.mjs`, '--check'),
    check('types of the tests', bin.tsc, '-p', `${root}tsconfig.tests.json`),
    check('types of the README examples', `${root}scripts/check-readmes.mjs`),
  ].every(Boolean)

const { passed, failed, skipped, status } = await runTests(args)
const refused = process.env.CI ? skipped : 0
if (refused > 0) console.log('not ok: CI skips nothing')
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = checked && status === 0 && failed === 0 && refused === 0 && passed > 0 ? 0 : 1
