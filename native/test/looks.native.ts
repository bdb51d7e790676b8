/**
 * What stat and access of a file that is not here do: DYAD_STAT, and names that nothing waits for.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Site } from './support/site.js'
import { ERRNO, type Steps } from './support/steps.js'

async function write(producer: Steps, path: string, text: string) {
  await producer.do('open', path)
  await producer.do('write', text)
  return producer.errno('close')
}

test('stat fetches, waits, answers from the record, or tells of what is here', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('file')
  const producer = site.producer()
  await write(producer, path, 'text')

  const plain = site.consumer({ DYAD_STAT: 'plain' })
  t.equal(await plain.errno('stat', copy), ERRNO.ENOENT)
  t.equal(await plain.errno('access', copy), ERRNO.ENOENT)
  await plain.end()

  const record = site.consumer({ DYAD_STAT: 'record', DYAD_NO_WAIT: '.none' })
  t.same(await record.do('stat', copy), { errno: 0, text: '4 100644' })
  t.equal(await record.errno('access', copy), 0)
  t.equal(existsSync(copy), false, 'without transfer')
  t.equal(await record.errno('stat', `${copy}.none`), ERRNO.ENOENT)
  await record.end()

  const fetch = site.consumer()
  t.equal(await fetch.errno('stat', site.paths('later')[1]), ERRNO.ENOENT)
  t.equal(await fetch.errno('access', site.paths('later')[1]), ERRNO.ENOENT)
  t.equal(existsSync(copy), false)
  t.same(await fetch.do('stat', copy), { errno: 0, text: '4 100644' })
  t.equal(existsSync(copy), true)
  await fetch.end()

  // As cp does by default: a program whose stat decides before it opens.
  const wait = site.consumer({ DYAD_NO_WAIT: '.none', DYAD_STAT_WAIT: 'cp:case-steps' })
  t.same(await wait.do('stat', copy), { errno: 0, text: '4 100644' })
  t.equal(existsSync(copy), true)
  t.equal(await wait.errno('stat', `${copy}.none`), ERRNO.ENOENT)
  t.equal(await wait.errno('access', `${copy}.none`), ERRNO.ENOENT)
  const looking = wait.do('stat', site.paths('later')[1])
  await site.waiting('later')
  await write(producer, site.paths('later')[0], 'later')
  t.match(await looking, { errno: 0, text: '5 100644' })

  await write(producer, path, 'a-longer-text')
  t.match(await wait.do('stat', copy), { errno: 0, text: '13 100644' }, 'it tells of what its open will get')
  const moving = site.consume('mv', [site.paths('moved')[1], site.cluster.path('moved')])
  await site.waiting('moved')
  await write(producer, site.paths('moved')[0], 'moved')
  t.match(await moving.ended, { status: 0, stderr: '' })
  t.equal(readFileSync(site.cluster.path('moved'), 'utf8'), 'moved')
  await wait.end()
  await producer.end()
})

test('directories and what a program is about to make are not waited for', async (t) => {
  const site = await Site.start(t)
  mkdirSync(site.cluster.path('b', 'sub'))
  const consumer = site.consumer()
  t.equal(await consumer.errno('stat', site.paths('sub')[1]), 0)
  t.equal(await consumer.errno('stat', `${site.paths('sub')[1]}/`), 0)
  t.equal(await consumer.errno('stat', site.cluster.path('b')), 0)
  await consumer.end()

  const both = site.cluster.path('a')
  const same = site.producer({ DYAD_PATH_CONSUMER: both })
  t.equal(await same.errno('stat', `${both}/new`), ERRNO.ENOENT)
  t.equal(await same.errno('open', `${both}/new`), 0)
  t.equal(await same.errno('write', 'text'), 0)
  t.same(await same.do('read', `${both}/new`), { errno: 0, text: 'text' }, 'its own open file')
  t.equal(await same.errno('close'), 0)
  t.same(await same.do('read', `${both}/new`), { errno: 0, text: 'text' })
  await same.end()
})

test('what is below a file is not waited for, whatever the program does', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('bundle')
  const producer = site.producer()
  const consumer = site.consumer({ DYAD_STAT: 'wait' })
  const looking = consumer.do('stat', `${copy}/.git`)
  await site.waiting('bundle/.git')
  await write(producer, path, 'text')
  t.same(await looking, { errno: ERRNO.ENOENT, text: '' })
  t.equal(await consumer.errno('access', `${copy}/.git`), ERRNO.ENOENT)
  t.equal(await consumer.errno('read', `${copy}/.git/HEAD`), ERRNO.ENOENT)
  t.same(await consumer.do('read', copy), { errno: 0, text: 'text' })
  await producer.errno('unlink', path)
  t.equal(await consumer.errno('read', `${copy}/.git`), ERRNO.ENOTDIR, 'a file that is here is enough')
  t.equal(await consumer.errno('stat', `${copy}/.git`), ERRNO.ENOTDIR)
  const recording = site.consumer({ DYAD_STAT: 'record' })
  t.equal(await recording.errno('stat', `${copy}/.git`), ERRNO.ENOTDIR)
  await recording.end()
  await producer.end()
  await consumer.end()
})

test('a program reads back what it writes in a consumer-managed directory', async (t) => {
  const site = await Site.start(t)
  const consumer = site.consumer()
  const path = (name: string) => site.paths(name)[1]
  t.equal(await consumer.errno('open', path('log')), 0)
  await consumer.do('write', 'text')
  await consumer.do('close')
  t.same(await consumer.do('read', path('log')), { errno: 0, text: 'text' })
  t.equal(await consumer.errno('rename', path('log'), path('renamed')), 0)
  t.same(await consumer.do('read', path('renamed')), { errno: 0, text: 'text' })
  t.equal(await consumer.errno('link', path('renamed'), path('linked')), 0)
  t.same(await consumer.do('read', path('linked')), { errno: 0, text: 'text' })
  await consumer.end()
  const script = 'cd "$1" && f=$(mktemp -p . XXXX) && echo one > out && cat out && cat "$f" && cp out copy && cat copy'
  const shell = await site.consume('bash', ['-c', script, 'bash', site.cluster.path('b')]).ended
  t.match(shell, { status: 0, stdout: 'one\none\n', stderr: '' })
})

test('files elsewhere are no business of the library', async (t) => {
  const site = await Site.start(t)
  const elsewhere = site.cluster.directory('elsewhere')
  writeFileSync(`${elsewhere}/file`, 'text')
  const consumer = site.consumer({ DYAD_AGENT: '/nonexistent/agent', DYAD_PATH_PRODUCER: site.cluster.path('a') })
  const { text: before } = await consumer.do('descriptors')
  t.same(await consumer.do('read', `${elsewhere}/file`), { errno: 0, text: 'text' })
  t.equal(await consumer.errno('read', `${elsewhere}/none`), ERRNO.ENOENT)
  t.equal(await consumer.errno('rename', `${elsewhere}/file`, `${elsewhere}/other`), 0)
  t.equal(await consumer.errno('open', `${elsewhere}/file`), 0)
  t.equal(await consumer.errno('close'), 0)
  t.equal(await consumer.errno('unlink', `${elsewhere}/file`), 0)
  t.same(await consumer.do('descriptors'), { errno: 0, text: before })
  t.match(await consumer.end(), { status: 0, stderr: '' })
})
