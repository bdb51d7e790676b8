import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Node N, N even, becomes LTS in October of the year (N + 4026) / 2: 20 in 2023, 22 in 2024. */
function isLts(major, now) {
  return major % 2 === 0 && now >= Date.UTC((major + 4026) / 2, 9, 31)
}

function npm(...args) {
  const { status, stdout, stderr, error } = spawnSync('npm', args, { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`newest LTS: npm ${args.join(' ')}: ${error?.message ?? `ended with ${status}`}\n${stderr}`)
}

/**
 * Installs the newest Node LTS from the npm registry into a folder, and returns the folder of its
 * executable. The package `node` fetches its platform package in an install script, which may not
 * be allowed to run; the platform package itself needs none.
 * @param {string} folder
 */
export function installNewestLts(folder) {
  const name = `node-${process.platform}-${process.arch}`
  const versions = JSON.parse(npm('view', name, 'versions', '--json'))
    .filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .map((version) => version.split('.').map(Number))
    .filter(([major]) => isLts(major, Date.now()))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
  const newest = versions.at(-1)?.join('.')
  if (newest === undefined) throw new Error(`newest LTS: ${name} has no LTS release`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  npm('install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${newest}`)
  const bin = join(folder, 'node_modules', name, 'bin')
  const found = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' })
  if (found.stdout?.trim() !== `v${newest}`) {
    throw new Error(`newest LTS: ${name} ${newest} does not run here: ${found.error?.message ?? found.stderr}`)
  }
  return bin
}
