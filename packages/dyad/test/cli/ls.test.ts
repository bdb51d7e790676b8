import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { encodeRecord, keyOf, visible } from '@dyad-ts/core/internal'
import { brokerKvs } from '@dyad-ts/kvs-client'
import t from 'tap'
import { Sandbox } from './command.js'

/** More than the number of arguments that a call takes. */
const FILES = 130_000
const BATCH = 2_000
/** Fewer bytes than the records of the test below take on the wire. */
const HALF_BYTES = 1_000_000

const name = (i: number) => `run/${String(i).padStart(6, '0')}`

/** Publishes so many files, which nobody fetches. */
async function publish(sandbox: Sandbox, files: number): Promise<void> {
  await using client = brokerKvs({ url: String(sandbox.env['DYAD_KVS']), token: sandbox.token })
  const namespace = client.namespace('test')
  for (let begin = 0; begin < files; begin += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, (_, i) => {
        const path = name(begin + i)
        const file = { path, owner: 'n1', size: 1, mtimeNs: 1n, mode: 0o644, storage: '/a' }
        return namespace.put(keyOf(path, 3, 1024), encodeRecord(file))
      }),
    )
  }
}

t.test('ls lists any number of files, as a table and as JSON', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await publish(sandbox, FILES)
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

t.test('ls shows the records that have come when the store stops to answer', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await publish(sandbox, 10 * BATCH)
  const store = new URL(String(sandbox.env['DYAD_KVS']))
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const target = connect(Number(store.port), store.hostname)
    for (const socket of [client, target]) sockets.add(socket.on('error', () => {}))
    client.on('data', (bytes) => target.write(bytes))
    let passed = 0
    target.on('data', (bytes) => {
      passed += bytes.length
      if (passed < HALF_BYTES) client.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(proxy, 'listening')
  const kvs = `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const [json, table] = await Promise.all(
    [['--json'], []].map((args) => sandbox.run(['ls', ...args, '--kvs', kvs, '--timeout', '3000'])),
  )
  const failed = { code: 5, stderr: /dyad: ERR_DYAD_KVS_UNREACHABLE: .*no answer in 3000 ms/ }
  t.match(json, failed)
  t.match(table, failed)
  const { length } = JSON.parse(String(json?.stdout)) as unknown[]
  t.ok(length > 0 && length < 10 * BATCH, `${length} records`)
  t.match(table?.stdout, /^ *SIZE .*\n.* run\/\d{6}\n/)
})

t.test('a pattern that is none is wrong usage, and named', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const command of ['ls', 'watch']) {
    const { code, stdout, stderr } = await sandbox.run([command, '{a,b}'.repeat(30)])
    t.same({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, /^dyad: ERR_DYAD_OPTION: [^\n]*the pattern '\{a,b\}[^\n]*\n$/)
  }
})

t.test('a record that cannot be read hides no other, and is told of in one line', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await using client = brokerKvs({ url: String(sandbox.env['DYAD_KVS']), token: sandbox.token })
  const namespace = client.namespace('test')
  const evil = 'a\nforged\u001b[2J'
  const strange = { path: `../${evil}`, owner: 'n1', size: 1, mtimeNs: 1n, mode: 0o644, storage: '/a' }
  await namespace.put(evil, encodeRecord(strange))
  await namespace.put(keyOf('garbage', 3, 1024), Buffer.from('garbage'))
  // A watch yields records in the order of their publishing.
  await publish(sandbox, BATCH)
  const notice = '2 records cannot be read and are left out; DYAD_SYNC_DEBUG=1 says why\n'
  const table = await sandbox.run(['ls'])
  t.match(table, { code: 0, stderr: notice })
  t.equal(table.stdout.split('\n').length, BATCH + 2)
  const json = await sandbox.run(['ls', '--json'])
  t.match(json, { code: 0, stderr: notice })
  t.equal(JSON.parse(json.stdout).length, BATCH)

  const watching = sandbox.spawn(['watch'])
  const listed = await linesOf(watching.child.stdout, BATCH)
  watching.child.kill('SIGTERM')
  const told = (await watching.ended).stderr.trimEnd().split('\n')
  t.equal(told.length, 2)
  for (const line of told) t.ok(line.startsWith('left out: ') && visible(line) === line, line)
  t.strictSame(
    listed.sort(),
    Array.from({ length: BATCH }, (_, i) => name(i)),
  )
})

/** Returns the first lines of an output. */
async function linesOf(output: Readable | null, count: number): Promise<string[]> {
  const lines: string[] = []
  if (output === null) return lines
  for await (const line of createInterface({ input: output })) if (lines.push(line) === count) break
  return lines
}
