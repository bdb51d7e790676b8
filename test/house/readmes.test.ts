import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readmes } from '../../scripts/readme-blocks.mjs'
import { readPage } from './read-page.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('the examples of README.md run as they are written, and one of them sends bytes over tcp', async (t) => {
  const { code, printed } = await readPage('README.md', 'dyad')
  t.equal(code, 0, printed)
  const ways = [...printed.matchAll(/dyad\.transfer\.started .*transport: '(\w+)'/g)].map(([, way]) => way)
  t.same(ways, Array(10).fill('tcp'), 'the files of the example with DYAD_DTL_MODE=tcp, and no others')
})

for (const page of readmes(root).filter((name) => name !== 'README.md')) {
  test(`the examples of ${page} run as they are written`, async (t) => {
    const { code, printed } = await readPage(page)
    t.equal(code, 0, printed)
    t.match(printed, /^\$ /m, 'something was run')
  })
}
