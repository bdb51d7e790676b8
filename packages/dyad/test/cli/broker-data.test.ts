import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import t from 'tap'
import { firstLine, Sandbox } from './command.js'

t.test('what is no log is refused at once, and so is a directory that has lost its log', async (t) => {
  await using sandbox = await Sandbox.make()
  const data = sandbox.at('data')
  const commands = [
    ['broker', '-d', '--data', data],
    ['start', '-d', '--broker', '--data', data, sandbox.at('n1')],
  ]
  const refused = async (reason: RegExp) => {
    for (const command of commands) {
      const outcome = await sandbox.run(command)
      t.match(outcome, { code: 10, stdout: '', stderr: reason }, command.join(' '))
    }
  }
  await mkdir(data)
  await sandbox.spawn([sandbox.at('data/log.0')], {}, ['mkfifo']).ended
  await refused(/^dyad: ERR_DYAD_LOG: .*log\.0' .*\(is a pipe and no regular file\).*`dyad broker repair DIRECTORY`/)
  t.match(await sandbox.run(['broker', 'repair', data]), {
    code: 0,
    stdout: /^kept no records in no namespaces; no bytes/,
  })
  const first = sandbox.spawn(['broker', '--json', '--data', data])
  sandbox.env['DYAD_KVS'] = JSON.parse(await firstLine(first)).kvs
  await sandbox.run(['stop', '--broker'])
  t.equal((await first.ended).code, 0)
  for (const name of await readdir(data)) if (name !== 'lock') await rm(sandbox.at(`data/${name}`), { recursive: true })
  await refused(/^dyad: ERR_DYAD_LOG: .*log\.0 is missing, and records have been kept there/)
})

t.test('a store whose directory was moved refuses what is put, and says at its end what became of it', async (t) => {
  await using sandbox = await Sandbox.make()
  const store = sandbox.spawn(['broker', '--json', '--data', sandbox.at('data')])
  sandbox.env['DYAD_KVS'] = JSON.parse(await firstLine(store)).kvs
  t.equal((await sandbox.run(['put', '-', 'a'], sandbox.on('n1'), 'a')).code, 0)
  await rename(sandbox.at('data'), sandbox.at('moved'))
  const put = await sandbox.run(['put', '-', 'b'], sandbox.on('n1'), 'b')
  t.match(put, { code: 1, stderr: /ERR_DYAD_SYSTEM: .*log\.0 was removed or moved while this broker writes to it/ })
  t.match(await sandbox.run(['lookup', 'a']), { code: 0 }, 'what it has is read as before')
  await sandbox.run(['stop', '--broker'])
  t.match(await store.ended, { code: 1, stderr: / error ERR_DYAD_SYSTEM: .*log\.0 was removed or moved/ })
  const again = sandbox.spawn(['broker', '--json', '--data', sandbox.at('moved')])
  await firstLine(again)
  t.match(await sandbox.run(['lookup', 'a']), { code: 0 })
  await sandbox.run(['stop', '--broker'])
  await again.ended
})
