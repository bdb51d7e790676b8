/** Calls node:fs without the native addon. */
import fs from 'node:fs'
import { join } from 'node:path'

const [directory = '', beside = ''] = process.argv.slice(2)
const managed = join(directory, 'managed')
const calls = [
  () => fs.writeFileSync(managed, 'x'),
  () => fs.openSync(managed, 'w'),
  () => fs.renameSync(join(beside, 'plain'), managed),
  () => fs.existsSync(managed),
]
fs.writeFileSync(join(beside, 'plain'), 'x')
const codes = calls.map((call) => {
  try {
    return call()
  } catch (error) {
    return error instanceof Error && 'code' in error ? [error.code, /build:native/.test(error.message)] : error
  }
})
await fs.promises.writeFile(managed, 'x')
console.log(JSON.stringify(codes))
