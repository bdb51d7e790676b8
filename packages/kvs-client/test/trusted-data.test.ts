import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { startBroker } from '../src/index.js'

const OTHER = 54_321
const skip = process.getuid?.() !== 0 && 'only root can give files to others'

test('a broker keeps no records where another user leads them, in a place where everybody may write', {
  skip,
}, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'dyad-trusted-data-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const name of ['open', 'open/theirs', 'victim']) mkdirSync(join(root, name))
  chmodSync(join(root, 'open'), 0o1777)
  chownSync(join(root, 'open/theirs'), OTHER, OTHER)
  symlinkSync('../victim', join(root, 'open/link'))
  lchownSync(join(root, 'open/link'), OTHER, OTHER)
  for (const way of ['open/theirs', 'open/theirs/new', 'open/link']) {
    const message = /was made by user 54321 in a directory that everybody can write to/
    await t.rejects(startBroker({ data: join(root, way) }), { code: 'ERR_DYAD_OPTION', message }, way)
  }
  t.strictSame([...readdirSync(join(root, 'open/theirs')), ...readdirSync(join(root, 'victim'))], [])
  await (await startBroker({ data: join(root, 'open/ours') })).close()
})
