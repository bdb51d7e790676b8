import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { COMMAND, firstLine, Sandbox } from './command.js'

const digest = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

t.test('a file put on one node is got on the other', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const content = randomBytes(3_000_001)
  await writeFile(sandbox.at('big.bin'), content)
  const put = await sandbox.run(['put', sandbox.at('big.bin'), 'sub/big.bin'], sandbox.on('n1'))
  t.same(put, { code: 0, stdout: 'sub/big.bin\n', stderr: '' }, 'off a terminal, the result and nothing else')

  for (const mode of ['auto', 'rpc']) {
    const consumer = sandbox.at(`cons-${mode}`)
    const got = await sandbox.run(['get', 'sub/big.bin', '--consumer-path', consumer, '--dtl-mode', mode], {
      DYAD_NODE: 'n2',
    })
    t.same(got, { code: 0, stdout: `${consumer}/sub/big.bin\n`, stderr: '' })
    t.equal(digest(await readFile(`${consumer}/sub/big.bin`)), digest(content), `equal over ${mode}`)
  }

  const toFile = await sandbox.run(['get', 'sub/big.bin', sandbox.directory, '--json'], sandbox.on('n2'))
  const record = JSON.parse(toFile.stdout)
  t.match(record, { path: 'sub/big.bin', owner: 'n1', size: content.length, local: sandbox.at('big.bin') })
  t.type(record.mtimeNs, 'string', 'what JSON has no number for is text')
  t.equal(digest(await readFile(sandbox.at('big.bin'))), digest(content))
  t.notOk((await readdir(sandbox.directory)).some((name) => name.endsWith('.part')))

  const outside = await sandbox.run(['put', sandbox.at('big.bin'), '../x'], sandbox.on('n1'))
  t.equal(outside.code, 2)
  t.match(outside.stderr, /^dyad: ERR_DYAD_[^\n]*\n$/)
})

t.test('the standard input and output serve too', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const put = await sandbox.run(['put', '-', 'note', '--json'], sandbox.on('n1'), 'hello\n')
  t.match(JSON.parse(put.stdout), { path: 'note', size: 6, owner: 'n1' })
  const got = await sandbox.run(['get', 'note', '-'], sandbox.on('n2'))
  t.same(got, { code: 0, stdout: 'hello\n', stderr: '' })
  t.equal((await sandbox.run(['put', '-', 'empty'], sandbox.on('n1'))).code, 0)
  t.same(await sandbox.run(['get', 'empty', '-'], sandbox.on('n2')), { code: 0, stdout: '', stderr: '' })
})

t.test('a file in the directory is published where it is', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  await mkdir(sandbox.at('n1/deep'))
  await writeFile(sandbox.at('n1/deep/here'), 'here')
  const put = await sandbox.run(['put', sandbox.at('n1/deep/here')], sandbox.on('n1'))
  t.same(put, { code: 0, stdout: 'deep/here\n', stderr: '' })
  t.equal((await sandbox.run(['get', 'deep/here', '-'], sandbox.on('n2'))).stdout, 'here')
  const missing = await sandbox.run(['put', sandbox.at('nothing')], sandbox.on('n1'))
  t.equal(missing.code, 3)
  t.match(missing.stderr, /ENOENT/)
})

t.test('a second file is not taken for the name of the first', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  for (const name of ['a.txt', 'b.txt']) await writeFile(sandbox.at(name), name)
  const env = sandbox.on('n1')
  // As the shell gives what *.txt matches.
  const both = await sandbox.run(['put', 'a.txt', 'b.txt'], env)
  t.match(both, { code: 0, stderr: 'dyad: published 2 files (10 B)\n' })
  t.equal((await sandbox.run(['get', 'b.txt', '-'], sandbox.on('n2'))).stdout, 'b.txt', 'each under its own name')
  const there = { ...env, DYAD_PATH_PRODUCER: sandbox.directory }
  t.match(await sandbox.run(['put', 'a.txt', 'b.txt'], there), { code: 0, stdout: /^[ab]\.txt\n[ab]\.txt\n$/ })
  t.equal(await readFile(sandbox.at('b.txt'), 'utf8'), 'b.txt', 'nor is it replaced in the directory')
  t.equal((await sandbox.run(['put', 'a.txt', 'c.txt', '--as', 'd.txt'], env)).code, 2)
  const named = await sandbox.run(['put', 'a.txt', '--as', 'b.txt'], env)
  t.same(named, { code: 0, stdout: 'b.txt\n', stderr: '' })
  const again = await sandbox.run(['put', 'b.txt', sandbox.at('n1/b.txt')], env)
  t.same(again, { code: 0, stdout: 'b.txt\n', stderr: '' }, 'the file to be replaced is a name')
  t.equal((await sandbox.run(['get', 'b.txt', '-'], sandbox.on('n2'))).stdout, 'b.txt')
  const misspelt = await sandbox.run(['env'], { DYAD_PATH_PRODUCR: '/x' })
  t.match(misspelt.stderr, /no option reads the variable "DYAD_PATH_PRODUCR"/)
})

t.test('get and wait return when the file is put', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const watching = sandbox.spawn(['watch', '--json'])
  const published = firstLine(watching)
  const got = sandbox.run(['get', 'late', '-'], sandbox.on('n2'))
  const waited = sandbox.run(['wait', 'late', '--json'])
  await sandbox.run(['put', '-', 'late'], sandbox.on('n1'), 'at last')
  t.match(await got, { code: 0, stdout: /^at last$/, stderr: /^(waiting for late …\n)?$/ })
  t.match(JSON.parse((await waited).stdout), { path: 'late', size: 7 })
  t.match(JSON.parse(await published), { path: 'late', owner: 'n1' }, 'watch tells of it')
  watching.child.kill('SIGINT')
  t.equal((await watching.ended).code, 130)
})

t.test('ls, lookup and watch tell what is published', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  t.same(await sandbox.run(['ls', '--json']), { code: 0, stdout: '[]\n', stderr: '' })
  for (const path of ['b/2', 'a/1', 'b/1']) await sandbox.run(['put', '-', path], sandbox.on('n1'), path)
  const listed = JSON.parse((await sandbox.run(['ls', '--json', 'b/*'])).stdout) as { path: string }[]
  t.same(
    listed.map(({ path }) => path),
    ['b/1', 'b/2'],
    'by path',
  )
  const table = (await sandbox.run(['ls'])).stdout
  t.match(table, /^SIZE +MODIFIED \(UTC\) +OWNER +PATH\n 3 B +\S+ \S+ +n1 +a\/1\n/)
  const found = await sandbox.run(['lookup', 'a/1', '--json'])
  t.match(JSON.parse(found.stdout), { path: 'a/1', size: 3 })
  t.match((await sandbox.run(['lookup', 'a/1'])).stdout, /owner +n1\n(?:.*\n)*digest +crc32 f5964052\n/)
  t.match(JSON.parse(found.stdout), { digest: { algorithm: 'crc32', value: 'f5964052' } })
  const absent = await sandbox.run(['lookup', 'a/2'])
  t.same({ code: absent.code, stdout: absent.stdout }, { code: 3, stdout: '' })
  t.match(absent.stderr, /^dyad: ERR_DYAD_NOT_FOUND: .*'a\/2'/)
  const timedOut = await sandbox.run(['wait', 'a/2', '--timeout', '5000'])
  t.equal(timedOut.code, 4)
  t.match(timedOut.stderr, /^waiting for .* …\ndyad: ERR_DYAD_TIMEOUT: /, 'no wait is silent')
  const watching = sandbox.spawn(['watch', 'a/*'])
  t.equal(await firstLine(watching), 'a/1', 'what is there already comes first')
  watching.child.kill('SIGTERM')
  t.equal((await watching.ended).code, 143)
})

t.test('what cannot be read is named, and nothing is published', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const on = sandbox.on('n1')
  const named = (what: string) => ({
    code: 1,
    stdout: '',
    stderr: new RegExp(`^dyad: ERR_DYAD_SYSTEM: .*'${what}'.*EISDIR`),
  })
  t.match(await sandbox.run(['put', sandbox.at('n2'), 'x'], on), named(sandbox.at('n2')))
  const redirected = ['sh', '-c', `"$0" "$@" < '${sandbox.at('n2')}'`, process.execPath, COMMAND]
  t.match(await sandbox.spawn(['put', '-', 'x'], on, redirected).ended, named('-'))
  t.same(await readdir(sandbox.at('n1')), [])
  t.equal((await sandbox.run(['lookup', 'x'])).code, 3)
})
