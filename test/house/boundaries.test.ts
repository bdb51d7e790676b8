import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What may stand in which file, and what may not. */
const CASES: readonly { file: string; allowed: readonly string[]; refused: readonly string[] }[] = [
  {
    file: 'packages/core/src/kvs/probe.ts',
    allowed: [
      "import 'node:fs/promises'",
      "import './key.js'",
      "import '../errors.js'",
      "import 'fs-native-extensions'",
      "await import('minimatch')",
    ],
    refused: [
      "import '@dyad-ts/wire'",
      "import '@dyad-ts/core'",
      "import 'ws'",
      "import 'koffi'",
      "export * from 'tap'",
      "await import('lmdb')",
      "import type { Link } from '@dyad-ts/wire'",
      "import '../../../wire/src/link.js'",
      "import '../../../wire/dist/link.js'",
      "import '../../test/kvs/key.test.js'",
      "import { env } from 'node:process'\nenv",
      'process.env',
      "process.env['HOME']",
    ],
  },
  { file: 'packages/core/src/options/config.ts', allowed: ['process.env'], refused: ["import '@dyad-ts/wire'"] },
  {
    file: 'packages/wire/src/probe.ts',
    allowed: ["import '@dyad-ts/core'", "import '@dyad-ts/core/internal'", "import 'ws'", "import 'msgpackr'"],
    refused: [
      "import '@dyad-ts/transport'",
      "import 'lmdb'",
      "import 'koffi'",
      "import '@dyad-ts/core/conformance'",
      "import '@dyad-ts/core/internal/client-settings'",
      'process.env',
    ],
  },
  {
    file: 'packages/kvs-client/src/broker/probe.ts',
    allowed: ["import '@dyad-ts/core'", "import '@dyad-ts/core/internal'", "import '@dyad-ts/wire'"],
    refused: [
      "import '@dyad-ts/transport'",
      "import '@dyad-ts/service'",
      "import 'lmdb'",
      "import 'koffi'",
      "import 'ws'",
      "import 'msgpackr'",
    ],
  },
  {
    file: 'packages/transport/src/rpc/probe.ts',
    allowed: ["import '@dyad-ts/core'", "import '@dyad-ts/core/internal'", "import '@dyad-ts/wire'"],
    refused: [
      "import '@dyad-ts/kvs-client'",
      "import '@dyad-ts/rdma'",
      "import 'ws'",
      "import 'lmdb'",
      "import 'koffi'",
      "import '@dyad-ts/core/dist/errors.js'",
    ],
  },
  {
    file: 'packages/rdma/src/verbs/probe.ts',
    allowed: [
      "import '@dyad-ts/core'",
      "import '@dyad-ts/core/internal'",
      "import '@dyad-ts/wire'",
      "import 'koffi'",
      "import type * as Koffi from 'koffi'",
    ],
    refused: [
      "import '@dyad-ts/transport'",
      "import '@dyad-ts/kvs-client'",
      "import '@dyad-ts/dyad'",
      "import 'ws'",
      "import '@dyad-ts/core/dist/errors.js'",
      'process.env',
    ],
  },
  {
    file: 'packages/native/src/probe.ts',
    allowed: ["import 'node:module'", "import './index.js'"],
    refused: [
      "import '@dyad-ts/core'",
      "import '@dyad-ts/dyad'",
      "import 'koffi'",
      "import '@napi-rs/cli'",
      'process.env',
    ],
  },
  {
    file: 'packages/service/src/probe.ts',
    allowed: [
      "import '@dyad-ts/core'",
      "import '@dyad-ts/core/internal'",
      "import '@dyad-ts/kvs-client'",
      "import '@dyad-ts/transport'",
    ],
    refused: [
      "import '@dyad-ts/streams'",
      "import '@dyad-ts/rdma'",
      "import '@dyad-ts/dyad'",
      "import 'lmdb'",
      "import 'koffi'",
      "import '@dyad-ts/transport/dist/index.js'",
    ],
  },
  {
    file: 'packages/agent/src/probe.ts',
    allowed: ["import '@dyad-ts/core'", "import '@dyad-ts/core/internal'", "import 'koffi'"],
    refused: [
      "import '@dyad-ts/service'",
      "import '@dyad-ts/streams'",
      "import '@dyad-ts/kvs-client'",
      "import '@dyad-ts/wire'",
      "import '@dyad-ts/dyad'",
      'process.env',
    ],
  },
  {
    file: 'packages/streams/src/probe.ts',
    allowed: ["import '@dyad-ts/core'", "import '@dyad-ts/core/internal'"],
    refused: [
      "import '@dyad-ts/service'",
      "import '@dyad-ts/transport'",
      "import '@dyad-ts/rdma'",
      "import '@dyad-ts/wire'",
      "import '@dyad-ts/kvs-client'",
      "import 'koffi'",
    ],
  },
  {
    file: 'packages/register/src/agent/probe.ts',
    allowed: [
      "import '@dyad-ts/core'",
      "import '@dyad-ts/core/internal'",
      "import '@dyad-ts/core/internal/client-settings'",
      "import '@dyad-ts/native'",
      "import '../x.js'",
    ],
    refused: [
      "import '@dyad-ts/agent'",
      "import '@dyad-ts/core/conformance'",
      "import '@dyad-ts/streams'",
      "import '@dyad-ts/dyad'",
      "import '@napi-rs/cli'",
      'process.env',
    ],
  },
  {
    file: 'packages/dyad/src/cli/probe.ts',
    allowed: [
      "import '@dyad-ts/agent'",
      "import '@dyad-ts/core'",
      "import '@dyad-ts/core/internal'",
      "import '@dyad-ts/service'",
      "import '@dyad-ts/streams'",
      "import '@dyad-ts/rdma'",
      "import '@dyad-ts/native'",
      "import 'commander'",
      "import 'cli-progress'",
      "import 'koffi'",
    ],
    refused: ["import '@dyad-ts/wire'", "import 'lmdb'", "import 'chalk'", 'process.env'],
  },
  {
    file: 'packages/streams/test/deep/probe.test.ts',
    allowed: [
      "import '../../src/index.js'",
      "import '@dyad-ts/core'",
      "import '@dyad-ts/core/conformance'",
      "import '@dyad-ts/core/internal'",
      "import 'tap'",
    ],
    refused: [
      "import '../../../core/src/index.js'",
      "import '../../dist/index.js'",
      "import '@dyad-ts/core/dist/index.js'",
    ],
  },
  {
    file: 'test/flows/producer/probe.test.ts',
    allowed: ["import '@dyad-ts/dyad'", "import '@dyad-ts/core'", "import '../shared.js'", "import 'tap'"],
    refused: [
      "import '../../../packages/core/src/index.js'",
      "import '@dyad-ts/dyad/dist/index.js'",
      "import '@dyad-ts/core/internal'",
    ],
  },
  {
    file: 'test/harness/probe.ts',
    allowed: ["import '@dyad-ts/dyad'", "import '@dyad-ts/core'", "import '@dyad-ts/core/internal'", "import './x.js'"],
    refused: [
      "import '../../packages/core/src/index.js'",
      "import '@dyad-ts/core/dist/index.js'",
      "import '@dyad-ts/core/internal/client-settings'",
    ],
  },
  {
    file: 'bench/measures/probe.ts',
    allowed: [
      "import '@dyad-ts/dyad'",
      "import '@dyad-ts/core'",
      "import '@dyad-ts/kvs-client'",
      "import '../part.js'",
    ],
    refused: [
      "import '../../packages/dyad/src/index.js'",
      "import '@dyad-ts/core/dist/index.js'",
      "import '@dyad-ts/core/internal'",
    ],
  },
  {
    file: 'examples/src/probe.ts',
    allowed: ["import '@dyad-ts/dyad'"],
    refused: [
      "import '../../packages/dyad/src/index.js'",
      "import '@dyad-ts/core/internal'",
      "import '@dyad-ts/core/internal/client-settings'",
      "import type { Slots } from '@dyad-ts/core/internal'",
    ],
  },
  {
    file: 'packages/streams/src/floating.ts',
    allowed: ['async function work(): Promise<void> {}\nawait work()', 'async function work() {}\nvoid work()'],
    refused: ['async function work(): Promise<void> {}\nwork()'],
  },
]

interface Diagnostic {
  readonly category: string
  readonly location: { readonly path: string | { readonly file: string } }
}

/**
 * Lints files in a folder of their own under the repository's rules; tells which of them have a
 * finding of the rules in question.
 */
function lint(files: ReadonlyMap<string, string>): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-boundaries-'))
  try {
    const config = JSON.parse(readFileSync(`${root}biome.json`, 'utf8'))
    writeFileSync(
      join(folder, 'biome.json'),
      JSON.stringify({ ...config, $schema: undefined, vcs: { enabled: false } }),
    )
    for (const [name, text] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), `${text}\n`)
    }
    const biome = `${root}node_modules/@biomejs/biome/bin/biome`
    const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.']
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    if (!stdout.includes('"diagnostics"')) throw new Error(`biome: ${stdout}${stderr}`)
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] }
    const ours = /noRestrictedImports|noProcessEnv|noFloatingPromises|noImportCycles/
    return new Set(
      diagnostics
        .filter(({ category }) => ours.test(category))
        .map(({ location: { path } }) => (typeof path === 'string' ? path : path.file).replace(/^\.\//, '')),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const { file, allowed, refused } of CASES) {
  test(`what ${file} may import and do`, async (t) => {
    // One finding a file: each statement is looked at alone, all of them in one run. config.ts has
    // its name from the case itself.
    const named = (text: string, index: number) => {
      const name = file.endsWith('/config.ts') ? file : file.replace(/probe|floating/, (word) => `${word}${index}`)
      return [name, text] as const
    }
    const runs = file.endsWith('/config.ts')
      ? [...allowed, ...refused].map((text) => [named(text, 0)])
      : [[...allowed, ...refused].map(named)]
    const found = runs.flatMap((run) => {
      const findings = lint(new Map(run))
      return run.map(([name]) => findings.has(name))
    })
    for (const [index, text] of allowed.entries()) t.equal(found[index], false, `allowed: ${text}`)
    for (const [index, text] of refused.entries()) t.equal(found[allowed.length + index], true, `refused: ${text}`)
  })
}

test('files do not import one another in a circle, not even types', async (t) => {
  const found = lint(
    new Map([
      ['packages/core/src/values-a.ts', "import './values-b.js'"],
      ['packages/core/src/values-b.ts', "import './kvs/values-c.js'"],
      ['packages/core/src/kvs/values-c.ts', "import '../values-a.js'"],
      ['test/flows/types-a.ts', "import type { B } from './types-b.js'\nexport type A = B[]"],
      ['test/flows/types-b.ts', "import type { A } from './types-a.js'\nexport type B = A[]"],
      ['test/flows/line-a.ts', "import type { B } from './line-b.js'\nexport type A = B[]"],
      ['test/flows/line-b.ts', 'export type B = string'],
    ]),
  )
  t.strictSame([...found].sort(), [
    'packages/core/src/kvs/values-c.ts',
    'packages/core/src/values-a.ts',
    'packages/core/src/values-b.ts',
    'test/flows/types-a.ts',
    'test/flows/types-b.ts',
  ])
})

test('every package has its boundary, in words too', async (t) => {
  const { overrides } = JSON.parse(readFileSync(`${root}biome.json`, 'utf8')) as { overrides: { includes: string[] }[] }
  const bounded = new Set(overrides.flatMap(({ includes }) => includes))
  const packages = readdirSync(`${root}packages`, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  t.ok(packages.length >= 9)
  const table = readFileSync(`${root}ARCHITECTURE.md`, 'utf8')
  for (const { name } of packages) {
    t.ok(bounded.has(`packages/${name}/src/**`), `packages/${name} is in biome.json`)
    t.ok(table.includes(`\n| \`packages/${name}\` | `), `packages/${name} is in the table of ARCHITECTURE.md`)
  }
})
