import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { OPTIONS } from '@dyad-ts/core/internal'
import { test } from 'tap'
import type TypeScript from '../../../docs/api/node_modules/typescript/lib/typescript.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
// The language service that editors have; TypeScript 7 has no interface for it.
const ts: typeof TypeScript = createRequire(`${ROOT}docs/api/package.json`)('typescript')

const NAMES = Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]
const FILE = `${ROOT}test/hovered.ts`
const TEXT = [
  "import { connect, start } from '@dyad-ts/dyad'",
  ...NAMES.map((name) => `await connect({ ${name}: undefined })`),
  "await start({ dtlMode: 'tcp' })",
  "await connect({ dtlMode: 'carrier pigeon' })",
].join('\n')

/** What a user's editor has: this one file beside the built packages. */
function languageService(): TypeScript.LanguageService {
  const options: TypeScript.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [`${ROOT}node_modules/@types`],
  }
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [FILE],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const text = path === FILE ? TEXT : ts.sys.readFile(path)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => `${ROOT}test`,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => path === FILE || ts.sys.fileExists(path),
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    ...(ts.sys.realpath && { realpath: ts.sys.realpath }),
  })
}

test('an editor shows the documentation of each option', (t) => {
  const service = languageService()
  for (const name of NAMES) {
    const info = service.getQuickInfoAtPosition(FILE, TEXT.indexOf(`{ ${name}: `) + 2)
    const shown = ts.displayPartsToString(info?.documentation).replace(/\s+/g, ' ')
    const { doc, env } = OPTIONS[name]
    t.ok(shown.startsWith(doc), `${name}: ${shown}`)
    t.ok(shown.endsWith(`The variable is ${env}.`), `${name} says its variable`)
    t.match(info?.tags, [{ name: 'default' }], `${name} says its default`)
  }
  const ofStart = service.getQuickInfoAtPosition(FILE, TEXT.indexOf('start({ dtlMode') + 8)
  t.ok(ts.displayPartsToString(ofStart?.documentation).startsWith('The transport.'), 'those of start, too')
  t.end()
})

test('an editor knows the names of the transports', (t) => {
  const service = languageService()
  const diagnostics = service.getSemanticDiagnostics(FILE)
  t.match(
    diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    [/^Type '"carrier pigeon"' is not assignable to type '"auto" \| "local" \| "rdma" \| "tcp" \| /],
    'nothing else is wrong with the file',
  )
  const at = TEXT.indexOf("'tcp'") + 1
  const completions = service.getCompletionsAtPosition(FILE, at, undefined)?.entries.map(({ name }) => name) ?? []
  t.strictSame([...completions].sort(), ['FLUX_RPC', 'MARGO', 'UCX', 'auto', 'local', 'rdma', 'rpc', 'tcp'])
  t.end()
})
