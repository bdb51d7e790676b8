import { encodeRecord, keyOf } from '@dyad/core'
import { brokerKvs } from '@dyad/kvs-client'
import t from 'tap'
import { Sandbox } from './command.js'

/** More than a call takes arguments. */
const FILES = 130_000
const BATCH = 2_000

t.test('ls lists any number of files, as a table and as JSON', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await using client = brokerKvs({ url: String(sandbox.env['DYAD_KVS']), token: sandbox.token })
  const namespace = client.namespace('test')
  const name = (i: number) => `run/${String(i).padStart(6, '0')}`
  for (let begin = 0; begin < FILES; begin += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, (_, i) => {
        const path = name(begin + i)
        const file = { path, owner: 'n1', size: 1, mtimeNs: 1n, mode: 0o644, storage: '/a' }
        return namespace.put(keyOf(path, 3, 1024), encodeRecord(file))
      }),
    )
  }
  const table = await sandbox.run(['ls'])
  t.same({ code: table.code, stderr: table.stderr }, { code: 0, stderr: '' })
  const lines = table.stdout.trimEnd().split('\n')
  t.equal(lines.length, FILES + 1)
  t.ok(
    lines.slice(1).every((line, i) => line.endsWith(` ${name(i)}`)),
    'by path',
  )
  const json = await sandbox.run(['ls', '--json', '**/*7*'])
  t.equal(json.code, 0)
  const records = JSON.parse(json.stdout) as { path: string }[]
  t.ok(records.length > 10_000 && records.every(({ path }) => path.includes('7')))
  t.equal(json.stdout.indexOf('\n'), json.stdout.length - 1, 'one line')
})

t.test('a pattern that is none is wrong usage, and named', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const command of ['ls', 'watch']) {
    const { code, stdout, stderr } = await sandbox.run([command, '{a,b}'.repeat(30)])
    t.same({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, /^dyad: ERR_DYAD_OPTION: [^\n]*the pattern \{a,b\}[^\n]*\n$/)
  }
})
