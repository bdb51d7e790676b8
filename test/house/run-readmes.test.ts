import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readPage } from './read-page.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs a page with this text. */
async function readText(text: string): Promise<{ code: number | null; printed: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-page-'))
  try {
    writeFileSync(join(folder, 'page.md'), text)
    return await readPage(relative(root, join(folder, 'page.md')))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const START = 'npx dyad start --detach --broker --namespace demo /tmp/prod'
const FAULTS = {
  'a program that fails': ['```js\nthrow new Error("broken")\n```', /example-2\.mjs: ended with 1/],
  'a syntax that this Node does not know': ['```js\nconst a = \n```', /SyntaxError[\s\S]*ended with 1/],
  'a package that it does not have': ["```js\nimport 'no-such-package'\n```", /ERR_MODULE_NOT_FOUND/],
  TypeScript: ['```ts\nconst a: number = 1\n```', /nothing runs a block in ts/],
  'a command that fails, in a list of commands': ['```sh\ntrue\nfalse\ntrue\n```', /false: ended with 1/],
  'a command that fails in another terminal': ['```sh\n# terminal 1\nfalse\n```', /false: ended with 1/],
  'a service that nobody started': [
    "```js\nimport { connect } from '@dyad-ts/dyad'\nawait connect({ namespace: 'demo', kvsTimeout: 500 })\n```",
    /ERR_DYAD_KVS_UNREACHABLE/,
  ],
  'an output that differs': ['```sh\necho one\n```\n\n```text\ntwo\n```', /nothing printed: two/],
  'a service that is left to the reader': [`\`\`\`sh\n${START}\n\`\`\``, /its last command leaves running/],
} as const

for (const [what, [text, expected]] of Object.entries(FAULTS)) {
  test(`${what} fails a page`, async (t) => {
    const { code, printed } = await readText(text)
    t.equal(code, 1)
    t.match(printed, expected)
  })
}

test('programs in two terminals wait for one another', async (t) => {
  const consumer = '# terminal 1\nDYAD_KVS_NAMESPACE=demo npx dyad get --consumer-path /tmp/cons a.txt -'
  const producer = '# terminal 2\necho hello | DYAD_KVS_NAMESPACE=demo npx dyad put --producer-path /tmp/prod - a.txt'
  const blocks = [START, consumer, producer, 'npx dyad stop'].map((text) => `\`\`\`sh\n${text}\n\`\`\`\n`)
  const { code, printed } = await readText([...blocks, '```text\nhello\n```'].join('\n'))
  t.equal(code, 0, printed)
})
