/** Records go with their files: changed, removed and renamed. */
import { test } from 'tap'
import { Site } from './support/site.js'
import { ERRNO, type Steps } from './support/steps.js'

async function write(producer: Steps, path: string, text: string) {
  await producer.do('open', path)
  await producer.do('write', text)
  return producer.errno('close')
}

test('a removed file is published no more', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  const consumer = site.consumer({ DYAD_NO_WAIT: 'x' })
  for (const how of ['unlink', 'remove', 'unlinkat']) {
    const [path, copy] = site.paths(`${how}-x`)
    t.equal(await write(producer, path, how), 0)
    t.same(await consumer.do('read', copy), { errno: 0, text: how })
    await consumer.do('unlink', copy)
    t.equal(await producer.errno(how, path), 0)
    t.equal(await consumer.errno('read', copy), ERRNO.ENOENT, how)
  }
  await producer.end()
  await consumer.end()
})

test('records follow renames of files and directories', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  const consumer = site.consumer({ DYAD_NO_WAIT: 'x' })
  const name = (text: string) => site.paths(text)
  t.equal(await producer.errno('mkdir', name('old')[0]), 0)
  t.equal(await write(producer, name('old/x')[0], 'in-a-directory'), 0)
  t.equal(await producer.errno('rename', name('old')[0], name('new')[0]), 0)
  t.same(await consumer.do('read', name('new/x')[1]), { errno: 0, text: 'in-a-directory' })
  t.equal(await consumer.errno('read', name('old/x')[1]), ERRNO.ENOENT)

  t.equal(await producer.errno('rename', name('new/x')[0], name('../outside-x')[0]), 0)
  await consumer.do('unlink', name('new/x')[1])
  t.equal(await consumer.errno('read', name('new/x')[1]), ERRNO.ENOENT, 'moved out')

  await write(producer, name('1x')[0], 'first')
  await write(producer, name('2x')[0], 'second')
  t.equal(await producer.errno('exchange', name('1x')[0], name('2x')[0]), 0)
  t.same(await consumer.do('read', name('1x')[1]), { errno: 0, text: 'second' })
  t.same(await consumer.do('read', name('2x')[1]), { errno: 0, text: 'first' })

  t.equal(await producer.errno('symlink', '1x', name('link-x')[0]), 0)
  t.equal(await producer.errno('rename', name('link-x')[0], name('moved-link-x')[0]), 0)
  t.equal(await consumer.errno('read', name('moved-link-x')[1]), ERRNO.ENOENT, 'links are left alone')
  t.equal(await producer.errno('link', name('1x')[0], name('3x')[0]), 0)
  t.equal(await producer.errno('rename', name('1x')[0], name('3x')[0]), 0, 'two names of one file stay')
  t.same(await consumer.do('read', name('3x')[1]), { errno: 0, text: 'second' })
  t.same(await consumer.do('read', name('1x')[1]), { errno: 0, text: 'second' })
  await producer.end()
  await consumer.end()
})

test('a file that is overwritten in place is the old one whole, the new one whole, or waited for', async (t) => {
  const site = await Site.start(t)
  const [path, copy] = site.paths('frame')
  const producer = site.producer()
  const reader = site.consumer()
  t.equal(await write(producer, path, 'old'), 0)
  t.equal(await reader.errno('open-read', copy), 0)
  await producer.do('open-both', path)
  await producer.do('write', 'ne')
  const late = site.consumer()
  const reading = late.do('read', copy)
  await site.waiting('frame')
  t.same(await reader.do('rest'), { errno: 0, text: 'old' })
  await producer.do('write', 'w')
  t.equal(await producer.errno('close'), 0)
  t.same(await reading, { errno: 0, text: 'new' })
  t.same(await reader.do('read', copy), { errno: 0, text: 'new' })
  t.equal(await write(producer, path, 'newer'), 0)
  t.same(await reader.do('read', 'b/frame'), { errno: 0, text: 'newer' }, 'also by a relative path')
  for (const program of [producer, reader, late]) await program.end()
})

test('names through links of the managed directory', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  const consumer = site.consumer({ DYAD_TIMEOUT: '20000' })
  await producer.do('mkdir', site.paths('run1')[0])
  await producer.do('symlink', 'run1', site.paths('latest')[0])
  t.equal(await write(producer, site.paths('latest/frame')[0], 'one'), 0)
  t.same(await consumer.do('read', site.paths('run1/frame')[1]), { errno: 0, text: 'one' })
  t.equal(await write(producer, site.paths('latest/part')[0], 'two'), 0)
  t.equal(await producer.errno('rename', site.paths('latest/part')[0], site.paths('latest/frame')[0]), 0)
  t.same(await consumer.do('read', site.paths('run1/frame')[1]), { errno: 0, text: 'two' })
  await producer.end()
  await consumer.end()
})
