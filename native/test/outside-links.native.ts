/**
 * Links outside of the managed directories that lead into them: what is opened through them takes
 * part by its own name.
 */
import { mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { Site } from './support/site.js'
import { ERRNO, type Steps } from './support/steps.js'

async function write(producer: Steps, path: string, text: string) {
  t0(await producer.errno('open', path))
  t0(await producer.errno('write', text))
  return producer.errno('close')
}

function t0(errno: number) {
  if (errno !== 0) throw new Error(`errno ${errno}`)
}

/** Links to `b` of a site: to the directory, and to one file in it. */
function linked(site: Site) {
  const [directory, file] = [site.cluster.path('linked'), site.cluster.path('latest')]
  symlinkSync(site.cluster.path('b'), directory)
  symlinkSync('linked/frame', file)
  return { directory, file }
}

test('a read through a link elsewhere gets the newest version, also where an older one stands', async (t) => {
  const site = await Site.start(t)
  const { directory, file } = linked(site)
  const producer = site.producer()
  const reader = site.consumer()
  const path = site.paths('frame')[0]
  const ways = [
    ['read', `${directory}/frame`],
    ['read', file],
    ['read', 'linked/frame'],
    ['read', 'b/../linked/./frame'],
    ['read-both', `${directory}/frame`],
    ['fread', `${directory}/frame`],
    ['fread', file],
  ]
  for (const [index, way] of ways.entries()) {
    t.equal(await write(producer, path, `version-${index}`), 0)
    t.same(await reader.do(...way), { errno: 0, text: `version-${index}` }, way.join(' '))
  }
  const { text: descriptors } = await reader.do('descriptors')
  await write(producer, path, 'last')
  await reader.do('read', file)
  t.same(await reader.do('descriptors'), { errno: 0, text: descriptors }, 'nothing stays open')
  await producer.end()
  t.match(await reader.end(), { status: 0, stderr: '' })
})

test('a read through a link elsewhere waits for its file, whatever the last link is', async (t) => {
  const site = await Site.start(t)
  const { directory, file } = linked(site)
  const producer = site.producer()
  const reader = site.consumer()
  // A directory of which it is known that it leads elsewhere.
  t.equal(await reader.errno('read', site.cluster.path('none')), ERRNO.ENOENT)
  const reading = reader.do('read', file)
  await site.waiting('frame')
  t.equal(await write(producer, site.paths('frame')[0], 'text'), 0)
  t.same(await reading, { errno: 0, text: 'text' })
  const other = reader.do('read', `${directory}/other`)
  await site.waiting('other')
  t.equal(await write(producer, site.paths('other')[0], 'more'), 0)
  t.same(await other, { errno: 0, text: 'more' })
  await producer.end()
  await reader.end()
})

test('a failure through a link elsewhere is that of the managed name', async (t) => {
  const site = await Site.start(t)
  const { directory } = linked(site)
  writeFileSync(site.paths('frame')[1], 'stale')
  const reader = site.consumer({ DYAD_KVS_NAMESPACE: 'nowhere' })
  t.equal(await reader.errno('read', site.paths('frame')[1]), ERRNO.ENXIO)
  const { text: descriptors } = await reader.do('descriptors')
  t.equal(await reader.errno('read', `${directory}/frame`), ERRNO.ENXIO)
  t.equal(await reader.errno('fopen', `${directory}/frame`, 'r'), ERRNO.ENXIO)
  t.same(await reader.do('descriptors'), { errno: 0, text: descriptors }, 'nothing stays open')
  await reader.end()
})

test('a directory that becomes a link is noticed', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  const reader = site.consumer()
  const current = site.cluster.directory('current')
  writeFileSync(`${current}/frame`, 'elsewhere')
  t.equal(await write(producer, site.paths('frame')[0], 'old'), 0)
  t.same(await reader.do('read', site.paths('frame')[1]), { errno: 0, text: 'old' })
  t.equal(await write(producer, site.paths('frame')[0], 'new'), 0)
  t.same(await reader.do('read', `${current}/frame`), { errno: 0, text: 'elsewhere' })
  t.equal(await reader.errno('rename', current, `${current}.old`), 0)
  t.equal(await reader.errno('symlink', site.cluster.path('b'), current), 0)
  t.same(await reader.do('read', `${current}/frame`), { errno: 0, text: 'new' })
  await producer.end()
  await reader.end()
})

test('a relative path leads elsewhere from another working directory', async (t) => {
  const site = await Site.start(t)
  const producer = site.producer()
  const reader = site.consumer()
  const file = site.paths('frame')[0]
  writeFileSync(site.cluster.path('frame'), 'elsewhere')
  t.equal(await write(producer, file, 'old'), 0)
  t.same(await reader.do('read', site.paths('frame')[1]), { errno: 0, text: 'old' })
  t.equal(await write(producer, file, 'new'), 0)
  t.same(await reader.do('read', 'frame'), { errno: 0, text: 'elsewhere' })
  t.equal(await reader.errno('chdir', site.cluster.path('b')), 0)
  t.same(await reader.do('read', 'frame'), { errno: 0, text: 'new' })
  t.equal(await reader.errno('chdir', site.cluster.root), 0)
  t.equal(await write(producer, file, 'newer'), 0)
  t.same(await reader.do('read', 'frame'), { errno: 0, text: 'elsewhere' })
  // The C library changes the directory by itself.
  t.same(await reader.do('nftw', site.cluster.path('b')), { errno: 0, text: 'newer' })
  await producer.end()
  await reader.end()
})

test('a program reads back what it wrote through a link elsewhere where it consumes', async (t) => {
  const site = await Site.start(t)
  const { directory, file } = linked(site)
  const consumer = site.consumer({ DYAD_TIMEOUT: '5000' })
  t.equal(await write(consumer, `${directory}/log`, 'text'), 0)
  t.same(await consumer.do('read', site.paths('log')[1]), { errno: 0, text: 'text' })
  t.same(await consumer.do('read', `${directory}/log`), { errno: 0, text: 'text' })
  t.equal(await consumer.errno('rename', `${directory}/log`, `${directory}/renamed`), 0)
  t.same(await consumer.do('read', site.paths('renamed')[1]), { errno: 0, text: 'text' })
  t.equal(await consumer.errno('link', `${directory}/renamed`, `${directory}/second`), 0)
  t.same(await consumer.do('read', site.paths('second')[1]), { errno: 0, text: 'text' })
  t.equal(await write(consumer, file, 'mine'), 0)
  t.same(await consumer.do('read', site.paths('frame')[1]), { errno: 0, text: 'mine' })
  await consumer.end()
})

test('what is renamed and removed through a link elsewhere is so for consumers', async (t) => {
  const site = await Site.start(t)
  const directory = site.cluster.path('linked')
  symlinkSync(site.cluster.path('a'), directory)
  const producer = site.producer()
  const consumer = site.consumer({ DYAD_NO_WAIT: 'x' })
  const copy = (name: string) => site.paths(name)[1]
  t.equal(await write(producer, `${directory}/part`, 'one'), 0)
  t.equal(await producer.errno('rename', `${directory}/part`, `${directory}/frame-x`), 0)
  t.same(await consumer.do('read', copy('frame-x')), { errno: 0, text: 'one' })
  t.equal(await producer.errno('link', `${directory}/frame-x`, `${directory}/second-x`), 0)
  t.same(await consumer.do('read', copy('second-x')), { errno: 0, text: 'one' })
  unlinkSync(copy('frame-x'))
  t.equal(await producer.errno('unlink', `${directory}/frame-x`), 0)
  t.equal(await consumer.errno('read', copy('frame-x')), ERRNO.ENOENT)
  mkdirSync(site.cluster.path('plain'))
  writeFileSync(site.cluster.path('plain', 'moved'), 'two')
  t.equal(await producer.errno('rename', site.cluster.path('plain', 'moved'), `${directory}/moved-x`), 0)
  t.same(await consumer.do('read', copy('moved-x')), { errno: 0, text: 'two' })
  t.equal(readFileSync(site.paths('moved-x')[0], 'utf8'), 'two')
  await producer.end()
  await consumer.end()
})
