// What `npm run test:newest` runs: the tests of each package and of the house, and one flow of each
// folder, on the newest Node LTS, which it installs below node_modules/.cache.
import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installNewestLts } from './newest-lts.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const FLOWS = ['agent/serves', 'consumer/while-arriving', 'kvs/wait', 'producer/names', 'transfer/changed-at-owner']
const PLACES = ['packages', 'bench/test', 'test/house', ...FLOWS.map((flow) => `test/flows/${flow}.test.ts`)]

const bin = installNewestLts(`${root}node_modules/.cache/newest-lts`)
const PATH = `${bin}${delimiter}${process.env.PATH}`
const version = spawnSync('node', ['--version'], { env: { ...process.env, PATH }, encoding: 'utf8' })
console.log(`the newest LTS is Node ${version.stdout.trim()}`)
const { status } = spawnSync('node', [`${root}scripts/test.mjs`, ...PLACES], {
  cwd: root,
  env: { ...process.env, PATH },
  stdio: 'inherit',
})
process.exitCode = status ?? 1
