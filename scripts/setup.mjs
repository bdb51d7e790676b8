// Installs the dependencies and builds every package, each only when something changed,
// so that `npm run demo` and `npm test` need no step before them.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const PNPM = 'pnpm@12.21.0'

function run(what, command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) return
  console.error(`setup: could not ${what}: ${error?.message ?? `${command} ended with ${status}`}`)
  process.exit(1)
}

// The lockfile that was installed last is kept beside what it installed.
const lockfile = readFileSync(`${root}pnpm-lock.yaml`, 'utf8')
const stamp = `${root}node_modules/.dyad-installed`
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lockfile) {
  console.log('setup: installing dependencies …')
  run('install the dependencies', 'npx', [
    '-y',
    PNPM,
    'install',
    '--frozen-lockfile',
    '--loglevel=error',
    '--config.confirmModulesPurge=false',
  ])
  writeFileSync(stamp, lockfile)
}
run('build', process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b'])
