import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { tracked } from './tracked.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGES = `${ROOT}packages/`
const CORE = 'core/dist/index.d.ts'
/** Their parts are for those that implement them, whom the core serves. */
const CONTRACTS = ['core/dist/kvs/contract.d.ts', 'core/dist/transfer/contract.d.ts']

/** A declaration: the file that has it, below packages/, and its name there. */
type Place = `${string}#${string}`

interface Module {
  /** The declarations of the file, by name, without comments. */
  readonly declared: ReadonlyMap<string, string>
  /** Those that are types. */
  readonly types: ReadonlySet<string>
  /** The names that it has from other files, or hands on. */
  readonly imported: ReadonlyMap<string, Place>
  readonly exported: ReadonlyMap<string, Place>
  /** The exports that are no values: nobody calls their constructors and static methods. */
  readonly onlyTypes: ReadonlySet<Place>
}

/** Members of a class that are no members of its instances. */
const STATIC = /^ +(static|private constructor|constructor)\b.*$/gm

const modules = new Map<string, Module>()

const INNER_IMPORT = /\{([^}]*)\} from '(?:@dyad-ts\/core\/internal|\.\.\/packages\/core\/dist\/internal\.js)'/g
const NAMES = /(?:[{,]\s*)(type )?(\w+)(?: as (\w+))?(?=\s*[,}])/g

/** Reads a file of declarations as the compiler writes them: each begins a line. */
function moduleOf(file: string): Module {
  const known = modules.get(file)
  if (known !== undefined) return known
  const text = readFileSync(join(PACKAGES, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\/\/.*$/gm, '')
  const declared = new Map<string, string>()
  const imported = new Map<string, Place>()
  const exported = new Map<string, Place>()
  const types = new Set<string>()
  const onlyTypes = new Set<Place>()
  modules.set(file, { declared, types, imported, exported, onlyTypes })
  for (const statement of text.split(/^(?=\S)(?!\})/m)) {
    const from = /from '([^']+)';?\s*$/.exec(statement)?.[1]
    if (from !== undefined) {
      const source = fileOf(file, from)
      const target = statement.startsWith('export') ? exported : imported
      if (source === undefined) continue
      if (/^export \*/.test(statement)) for (const [name, place] of moduleOf(source).exported) exported.set(name, place)
      for (const [, type, name = '', alias = name] of statement.matchAll(NAMES)) {
        const place: Place = moduleOf(source).exported.get(name) ?? `${source}#${name}`
        target.set(alias, place)
        if (type !== undefined || statement.startsWith('export type')) onlyTypes.add(place)
      }
      continue
    }
    const head = /^(?:(export) )?(?:declare )?(?:abstract )?(class|interface|type|function|const|let) (\w+)/.exec(
      statement,
    )
    const [, isExported, kind = '', name] = head ?? []
    if (name === undefined) continue
    declared.set(name, `${declared.get(name) ?? ''}${statement}`)
    if (['class', 'interface', 'type'].includes(kind)) types.add(name)
    if (isExported) exported.set(name, `${file}#${name}`)
  }
  return { declared, types, imported, exported, onlyTypes }
}

/** The declarations that a module imports; undefined if it is of no package of this repository. */
function fileOf(importer: string, name: string): string | undefined {
  if (name.startsWith('.')) return join(dirname(importer), name.replace(/\.js$/, '.d.ts'))
  const [, folder, door = 'index'] = /^@dyad-ts\/([^/]+)(?:\/(\w+))?$/.exec(name) ?? []
  return folder === undefined ? undefined : `${folder}/dist/${door}.d.ts`
}

/** The declarations that one names in its signature. */
function* namedBy(place: Place, isType: boolean, seen = new Set<Place>()): Generator<Place> {
  const [file = '', name = ''] = place.split('#')
  const { declared, types, imported, exported } = moduleOf(file)
  seen.add(place)
  const text = declared.get(name)?.replace(/'[^']*'/g, '') ?? ''
  const words = new Set((isType ? text.replace(STATIC, '') : text).match(/\b\w+\b/g))
  for (const word of words) {
    const other = imported.get(word) ?? (declared.has(word) ? (`${file}#${word}` as const) : undefined)
    if (other === undefined || seen.has(other)) continue
    const [source = '', type = ''] = other.split('#')
    if (imported.has(word) && !moduleOf(source).types.has(type)) continue
    // What is no export of its file cannot be named by anybody; what it stands for can.
    const isNameable = imported.has(word) || (exported.has(word) && types.has(word))
    if (isNameable) yield other
    else if (!exported.has(word)) yield* namedBy(other, false, seen)
  }
}

for (const [name, others] of [
  ['core', []],
  ['streams', [CORE]],
  ['transport', [CORE]],
  ['rdma', [CORE]],
  ['agent', [CORE]],
  ['service', [CORE]],
  ['dyad', []],
] as const) {
  test(`@dyad-ts/${name} exports every name in the signatures of its exports`, async (t) => {
    const { exported, onlyTypes } = moduleOf(`${name}/dist/index.d.ts`)
    const known = new Set(
      [exported, ...others.map((file) => moduleOf(file).exported)].flatMap((each) => [...each.values()]),
    )
    t.ok(exported.size > 0)
    for (const place of exported.values()) {
      if (name !== 'core' && CONTRACTS.some((file) => place.startsWith(file))) continue
      const missing = [...namedBy(place, onlyTypes.has(place))].filter((other) => !known.has(other))
      t.strictSame(missing, [], place)
    }
  })
}

test('the two doors of @dyad-ts/core share no name, and each name of the inner one has a user', async (t) => {
  const { exported: outer } = moduleOf(CORE)
  const { exported: inner } = moduleOf('core/dist/internal.d.ts')
  t.strictSame(
    [...inner.keys()].filter((name) => outer.has(name)),
    [],
  )
  const used = new Set(
    tracked('packages/*/src/*', 'packages/*/test/*', 'test/harness', 'scripts').flatMap((file) =>
      [...readFileSync(`${ROOT}${file}`, 'utf8').matchAll(INNER_IMPORT)].flatMap(([, names]) => names?.match(/\w+/g)),
    ),
  )
  t.strictSame(
    [...inner.keys()].filter((name) => !used.has(name)),
    [],
  )
})
