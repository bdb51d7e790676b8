// What `npm run test:native` runs once the packages are built: builds the cargo workspace, checks
// its format and lint, runs its own tests, then the tests with real programs,
// native/test/**/*.native.ts. Arguments choose files or folders of those, and skip the checks.
// Where Rust is missing it says so in one line, which is a failure where CI is set, as a skipped
// test is.
import { spawnSync } from 'node:child_process'
import { build, missing, runs, workspace } from './native-build.mjs'
import { runTap, tellCounts, testFiles } from './run-tap.mjs'

/** A tool of Rust that need not be installed, except where CI is set. */
function check(what, ...args) {
  if (!process.env.CI && spawnSync('cargo', [args[0], '--version'], { cwd: workspace }).status !== 0) {
    console.log(`native: cargo ${args[0]} is not installed, and ${what} not checked`)
    return true
  }
  const isWell = runs('cargo', args)
  console.log(`${isWell ? 'ok' : 'not ok'} ${what}`)
  return isWell
}

const args = process.argv.slice(2)
const what = missing()
if (what !== undefined) {
  console.log(`native: ${what}`)
  process.exitCode = process.env.CI ? 1 : 0
} else if (!build()) process.exitCode = 1
else {
  const checked =
    args.length > 0 ||
    [
      check('format of the crates', 'fmt', '--all', '--check'),
      check('lint of the crates', 'clippy', '--release', '--all-targets', '--locked', '--', '-D', 'warnings'),
      check('tests of the crates', 'test', '--release', '--locked'),
    ].every(Boolean)
  const isWell = tellCounts(await runTap(testFiles(args.length > 0 ? args : ['native/test'], '.native.ts')))
  process.exitCode = checked && isWell ? 0 : 1
}
