// What `npm run build:native` runs: builds the native library and the addon, where Rust is. Where
// something is missing it says so in one line; that is a failure where CI is set.
import { build, missing } from './native-build.mjs'

const what = missing()
if (what !== undefined) {
  console.log(`native: ${what}`)
  process.exitCode = process.env.CI ? 1 : 0
} else if (!build()) process.exitCode = 1
