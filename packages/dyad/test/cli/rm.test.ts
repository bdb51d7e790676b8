import { readdir } from 'node:fs/promises'
import t from 'tap'
import { Sandbox } from './command.js'

t.test('rm removes the records of several paths, from whichever node, and says which are none', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const put = (path: string) => sandbox.run(['put', '-', path], sandbox.on('n1'), path)
  for (const path of ['a/1', 'a/2', 'b']) await put(path)
  t.same(await sandbox.run(['rm', 'a/1', 'b'], sandbox.on('n2')), { code: 0, stdout: 'a/1\nb\n', stderr: '' })
  t.equal((await sandbox.run(['lookup', 'a/1'])).code, 3)
  t.equal((await sandbox.run(['get', 'b', '--timeout', '3s'], sandbox.on('n2'))).code, 4, 'it is waited for again')
  t.same((await readdir(sandbox.at('n1'))).sort(), ['a', 'b'], 'the files stay')

  const mixed = await sandbox.run(['rm', 'b', '../c', 'a/2', '--json'])
  t.equal(mixed.code, 1, 'failures of two kinds')
  t.same(JSON.parse(mixed.stdout), ['a/2'], 'those that can be removed are')
  t.match(mixed.stderr, /^dyad: ERR_DYAD_NOT_FOUND: [^\n]*'b'[^\n]*\ndyad: ERR_DYAD_PATH: [^\n]*\n$/)
  t.same(await sandbox.run(['ls', '--json']), { code: 0, stdout: '[]\n', stderr: '' })
  t.equal((await sandbox.run(['rm'])).code, 2)
  t.match((await sandbox.run(['rm', 'x', '--namespace', 'other'])).stderr, /ERR_DYAD_NAMESPACE_MISSING/)
})
