import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { tapOutcome } from './tap-outcome.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const TAP_ROOT = `${root}scripts/tap-root.mjs`

/**
 * Returns the test files among `places`, files or folders of the repository: below a folder, those
 * whose names end with `ending`. Throws for a place that is not there.
 * @param {string[]} places
 * @param {string} ending
 */
export function testFiles(places, ending) {
  const files = places.flatMap((place) => {
    const folder = place.replace(/^\.\//, '').replace(/\/+$/, '')
    const stats = statSync(root + folder, { throwIfNoEntry: false })
    if (stats === undefined) throw new Error(`no such test file or folder: ${place}`)
    if (!stats.isDirectory()) return [folder]
    return readdirSync(root + folder, { recursive: true })
      .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|dist)\//.test(name))
      .map((name) => `${folder}/${name}`)
      .sort()
  })
  return [...new Set(files)]
}

/**
 * Runs test files, and prints their outcome. Resolves with the counts of test points and tap's
 * status.
 * @param {string[]} files
 */
export async function runTap(files) {
  // No test finds, or makes, the token of whoever runs it.
  const config = mkdtempSync(join(tmpdir(), 'dyad-test-config-'))
  process.once('exit', () => rmSync(config, { recursive: true, force: true }))
  const tap = spawn(process.execPath, [TAP_ROOT, ...files], {
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

/**
 * Says the counts in one line, and whether all is well: something passed, nothing failed, and where
 * CI is set nothing was skipped.
 */
export function tellCounts({ passed, failed, skipped, status }) {
  const refused = process.env.CI ? skipped : 0
  if (refused > 0) console.log('not ok: CI skips nothing')
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  return status === 0 && failed === 0 && refused === 0 && passed > 0
}
