/** The variables of a program that the agent gets. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { CLIENT_OPTIONS } from '../../packages/core/src/options/client-options.js'
import { OPTIONS } from '../../packages/core/src/options/config.js'
import { Site } from './support/site.js'

const SOURCE = fileURLToPath(new URL('../client/src/variables.rs', import.meta.url))

/** The names in a list of the Rust source. */
function listed(constant: string): string[] {
  const [, list = ''] = new RegExp(`const ${constant}: [^=]*= \\[([^\\]]*)\\]`).exec(readFileSync(SOURCE, 'utf8')) ?? []
  return [...list.matchAll(/"(\w+)"/g)].map(([, name = '']) => name).sort()
}

test('clients send what options read, and know which of it are paths', async (t) => {
  const rows = Object.values(OPTIONS)
  t.same(listed('READ'), rows.map(({ env }) => env).sort())
  const paths = rows.filter((row) => 'isPath' in row && row.isPath === true)
  t.same(listed('PATHS'), ['DYAD_AGENT', ...paths.map(({ env }) => env)].sort())
  t.same(listed('OF_CLIENTS'), CLIENT_OPTIONS.map(({ env }) => env).sort())
})

test('a program with thousands of variables of that beginning takes part', async (t) => {
  const site = await Site.start(t)
  const others = Object.fromEntries(Array.from({ length: 3000 }, (_, number) => [`DYAD_X${number}`, 'x']))
  const [path] = site.paths('many')
  t.match(await site.produce('cp', ['/etc/hostname', path], others).ended, { status: 0, stderr: '' })
  t.equal(await site.published('many'), 1)
})
