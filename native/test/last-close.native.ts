/**
 * When a file is published: once nobody on the host writes it any more, and not if it is not whole.
 */
import { statSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Site } from './support/site.js'
import { ERRNO } from './support/steps.js'

/** What a program on node B reads that does not wait. */
async function readNow(site: Site, name: string) {
  const consumer = site.consumer({ DYAD_NO_WAIT: `:${name}` })
  const read = await consumer.do('read', site.paths(name)[1])
  await consumer.end()
  return read
}

test('a program that is killed has published nothing of what it had open', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('killed')
  const producer = site.producer()
  t.equal(await producer.errno('open', path), 0)
  t.equal(await producer.errno('write', 'half'), 0)
  producer.tell('kill')
  t.equal((await producer.running.ended).signal, 'SIGKILL')
  t.equal((await readNow(site, 'killed')).errno, ERRNO.ENOENT)
})

test('two processes with one descriptor publish once, after the second closes', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('shared')
  const producer = site.producer()
  await producer.do('open', path)
  await producer.do('write', 'all')
  const { text: child } = await producer.do('fork')
  t.equal(await producer.errno('close'), 0)
  t.equal(await site.published('shared'), 0)
  t.equal((await readNow(site, 'shared')).errno, ERRNO.ENOENT, 'the child still has it open')
  await producer.do('reap', child)

  const script = '{ (sleep 0.3; echo child) & echo parent; } > "$1"; wait'
  const shell = site.produce('bash', ['-c', script, 'bash', site.paths('both')[0]])
  t.match(await shell.ended, { status: 0, stderr: '' })
  t.equal(await site.published('both'), 1)
  t.match(await readNow(site, 'both'), { errno: 0, text: 'parent' })
  await producer.end()
})

test('a file to which a write failed is not published, and its close says so', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('damaged')
  const producer = site.producer()
  await producer.do('limit', '4096')
  await producer.do('open', path)
  t.equal(await producer.errno('fill', '4096'), ERRNO.EFBIG)
  t.equal(await producer.errno('close'), ERRNO.EIO)
  t.equal((await readNow(site, 'damaged')).errno, ERRNO.ENOENT)

  await producer.do('fopen', path, 'w')
  for (let line = 0; line < 3; line++) await producer.do('fputs', 'x'.repeat(3000))
  t.not(await producer.errno('fclose'), 0)
  t.equal((await readNow(site, 'damaged')).errno, ERRNO.ENOENT)
  await producer.end()

  const leaving = site.producer({ DYAD_SYNC_DEBUG: '1' })
  await leaving.do('limit', '4096')
  await leaving.do('open', path)
  t.equal(await leaving.errno('fill', '4096'), ERRNO.EFBIG)
  leaving.tell('exit', '0')
  t.match(await leaving.running.ended, { status: 1, stderr: /damaged is not published: a write to it failed\n/ })
})

test('a file to which one process could not write is not published by another one', async (t) => {
  const site = await Site.start(t)
  const big = site.cluster.path('big')
  writeFileSync(big, Buffer.alloc(100_000))
  const [path] = site.paths('cut')
  // Dash has the file open until cat has ended.
  const script = 'trap "" XFSZ; ulimit -f 8; cat "$1" > "$2"; echo "$?"'
  const shell = await site.produce('dash', ['-c', script, 'dash', big, path]).ended
  t.match(shell, { stdout: '1\n', stderr: /File too large/ })
  t.equal(statSync(path).size, 4096)
  t.equal(await site.published('cut'), 0)
  t.equal((await readNow(site, 'cut')).errno, ERRNO.ENOENT)
  t.match(await site.produce('dash', ['-c', 'echo whole > "$1"; true', 'dash', path]).ended, { status: 0, stderr: '' })
  t.equal(await site.published('cut'), 1)
  t.match(await readNow(site, 'cut'), { errno: 0, text: 'whole' })
})

test('the end of a child that is not the last to have a damaged file open says nothing', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  await producer.do('limit', '4096')
  await producer.do('open', site.paths('forked')[0])
  t.equal(await producer.errno('fill', '4096'), ERRNO.EFBIG)
  t.same(await producer.do('fork-exit'), { errno: 0, text: '0' })
  t.equal(await producer.errno('close'), ERRNO.EIO)
  t.match(await producer.end(), { status: 0, stderr: '' })
})

test('a mapping counts as a writer', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('mapped')
  const producer = site.producer()
  await producer.do('open', path)
  await producer.do('write', 'before')
  await producer.do('close')
  t.equal(await site.published('mapped'), 1)
  await producer.do('open-both', path)
  await producer.do('map')
  await producer.do('close')
  t.equal(await site.published('mapped'), 1)
  t.equal((await readNow(site, 'mapped')).errno, ERRNO.ENOENT, 'its record is withdrawn meanwhile')
  await producer.do('unmap')
  t.equal(await site.published('mapped'), 2)
  const consumer = site.consumer()
  t.same(await consumer.do('read', copy), { errno: 0, text: 'before' })
  await consumer.end()
  await producer.end()
})

test('a file without a name at its close is not published', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('unnamed')
  const producer = site.producer()
  await producer.do('open', path)
  await producer.do('unlink', path)
  await producer.do('write', 'gone')
  t.equal(await producer.errno('close'), 0)
  t.equal(await site.published('unnamed'), 0)
  await producer.end()
})

test('redirections of shells', async (t) => {
  const site = await Site.start(t)
  for (const shell of ['bash', 'dash']) {
    const scripts = {
      block: '{ echo one; echo two; } > "$1"',
      append: 'echo one > "$1.part"; mv "$1.part" "$1"; echo two >> "$1"',
      numbered: 'exec 3> "$1"; echo one >&3; echo two >&3; exec 3>&-',
      kept: 'exec 3> "$1"; echo one >&3; echo two >&3',
      program: 'printf "one\\ntwo\\n" | cat > "$1"',
    }
    for (const [how, script] of Object.entries(scripts)) {
      const name = `${shell}-${how}`
      const [path, copy] = site.paths(name)
      t.match(await site.produce(shell, ['-c', script, shell, path]).ended, { status: 0, stderr: '' }, name)
      const consumed = await site.consume(shell, ['-c', 'cat < "$1"', shell, copy], { DYAD_TIMEOUT: '20000' }).ended
      t.match(consumed, { status: 0, stdout: 'one\ntwo\n', stderr: '' }, name)
    }
  }
})

test('a process whose calls are managed by other means has the library stand aside', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('aside')
  const producer = site.producer({ DYAD_PATH_CONSUMER: site.cluster.path('b') })
  t.equal(await producer.errno('aside', '1'), 0)
  await producer.do('open', path)
  await producer.do('write', 'text')
  t.equal(await producer.errno('close'), 0)
  t.equal(await site.published('aside'), 0)
  t.equal(await producer.errno('read', site.paths('never')[1]), ERRNO.ENOENT)
  t.equal(await producer.errno('aside', '0'), 0)
  await producer.do('open', path)
  t.equal(await producer.errno('close'), 0)
  t.equal(await site.published('aside'), 1)
  await producer.end()
})

test('a program may use every descriptor, those of the library too', async (t) => {
  const site = await Site.start(t)
  const [path] = site.paths('first')
  const producer = site.producer()
  for (const name of ['first', 'second']) {
    await producer.do('open', site.paths(name)[0])
    await producer.do('close')
    t.equal(await site.published(name), 1, name)
    t.equal(await producer.errno('onto'), 0)
  }
  t.equal(await producer.errno('unlink', path), 0)
  await producer.end()
})
