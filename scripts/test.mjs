// What `npm test` runs once everything is built: lint, generated pages, types of tests and of
// README examples, then the tests. Arguments go to tap: `npm test -- packages/core` runs the tests
// below packages/core and skips the checks before. Where CI is set, a skipped test is a failure.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runTap, tellCounts, testFiles } from './run-tap.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = {
  biome: `${root}node_modules/@biomejs/biome/bin/biome`,
  tsc: `${root}node_modules/typescript/bin/tsc`,
  typedoc: `${root}docs/api/node_modules/typedoc/bin/typedoc`,
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

const args = process.argv.slice(2)
const checked =
  args.length > 0 ||
  [
    check('lint', bin.biome, 'ci', '--colors=off', '--max-diagnostics=200', '.'),
    check('generated pages', `${root}scripts/docs.mjs`, '--check'),
    check('types of the tests', bin.tsc, '-p', `${root}tsconfig.tests.json`),
    check('API reference', bin.typedoc, '--options', `${root}docs/api/typedoc.json`, '--emit', 'none'),
    check('types of the README examples', `${root}scripts/check-readmes.mjs`),
  ].every(Boolean)

const isWell = tellCounts(await runTap(testFiles(args.length > 0 ? args : ['packages', 'test', 'bench'], '.test.ts')))
process.exitCode = checked && isWell ? 0 : 1
