import { execFileSync } from 'node:child_process'
import fs, { linkSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { DyadCore } from '@dyad-ts/core'
import t from 'tap'
import { DyadFile, DyadWriteStream } from '../src/index.js'
import { namesIn, TwoNodes } from './session.js'

const WAYS = ['w', 'w+', 'a', 'a+', 'r+'] as const

async function stream(producer: DyadCore, path: string, flags: string, content = 'new'): Promise<void> {
  const sink = new DyadWriteStream(producer, path, { flags })
  sink.end(content)
  await finished(sink)
}

async function file(producer: DyadCore, path: string, flags: string, content = 'new'): Promise<void> {
  await using opened = await DyadFile.open(producer, path, flags)
  await opened.writeFile(content)
  await opened.close()
}

t.test('what cannot be published is refused before anything is written to it', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const at = (name: string) => join(nodes.produced, name)
  execFileSync('mkfifo', [at('pipe')])
  const server = createServer().listen(at('socket'))
  t.teardown(() => server.close())
  symlinkSync('pipe', at('to-pipe'))
  const names = ['pipe', 'socket', 'to-pipe']
  // A device of our own, as /dev/null.
  if (process.getuid?.() === 0) {
    execFileSync('mknod', [at('null'), 'c', '1', '3'])
    names.push('null')
  }
  const kinds = new Map(names.map((name) => [name, lstatSync(at(name)).mode]))
  for (const name of names) {
    for (const flags of WAYS) {
      const refusal = { code: 'ERR_DYAD_PATH', path: name, message: /not a regular file/ }
      await t.rejects(stream(producer, name, flags), refusal, `${name}, ${flags}`)
      if (!flags.includes('+')) await t.rejects(file(producer, name, flags), refusal, `${name}, ${flags}`)
    }
    await t.rejects(stream(producer, name, 'wx'), { code: 'EEXIST' }, name)
    t.equal(lstatSync(at(name)).mode, kinds.get(name), name)
  }
  t.same(await namesIn(nodes.produced), names.sort())
})

t.test('a link that leads out of the directory is refused before anything is written', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const at = (name: string) => join(nodes.produced, name)
  mkdirSync(join(nodes.root, 'out'))
  writeFileSync(join(nodes.root, 'out/x'), 'theirs')
  symlinkSync('../out/x', at('file'))
  symlinkSync('../out/none', at('dangling'))
  symlinkSync('../out', at('folder'))
  symlinkSync('around', at('around'))
  for (const name of ['file', 'dangling', 'folder/x', 'folder/new', 'folder/deep/new', 'around']) {
    for (const flags of ['w', 'a']) {
      await t.rejects(stream(producer, name, flags), { code: /ERR_DYAD_PATH|ELOOP/ }, `${name}, ${flags}`)
    }
  }
  t.equal(readFileSync(join(nodes.root, 'out/x'), 'utf8'), 'theirs')
  t.same(await namesIn(join(nodes.root, 'out')), ['x'])
  t.same(await namesIn(nodes.produced), ['around', 'dangling', 'file', 'folder', 'folder/x'])
})

t.test('links in the directory are followed, and a name that is written anew leaves its hard links', async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  const at = (name: string) => join(nodes.produced, name)
  for (const name of ['x', 'y', 'z']) writeFileSync(at(name), 'old')
  symlinkSync('x', at('link'))
  symlinkSync('made', at('dangling'))
  linkSync(at('y'), at('hard'))
  await stream(producer, 'link', 'w')
  t.equal(readFileSync(at('x'), 'utf8'), 'new')
  t.equal(readlinkSync(at('link')), 'x')
  await stream(producer, 'link', 'a', '+')
  t.equal(readFileSync(at('x'), 'utf8'), 'new+')
  await t.rejects(stream(producer, 'dangling', 'wx'), { code: 'EEXIST' })
  await t.rejects(stream(producer, 'dangling', 'r+'), { code: 'ENOENT' })
  await stream(producer, 'dangling', 'w')
  t.equal(readFileSync(at('made'), 'utf8'), 'new')
  t.equal(readlinkSync(at('dangling')), 'made')
  await stream(producer, 'hard', 'w')
  t.equal(readFileSync(at('hard'), 'utf8'), 'new')
  t.equal(readFileSync(at('y'), 'utf8'), 'old', 'the other name keeps what it had')
  linkSync(at('z'), at('hard-too'))
  await stream(producer, 'hard-too', 'a', '+')
  t.equal(readFileSync(at('z'), 'utf8'), 'old+', 'what is changed in its place is changed under all names')
})

t.test('wx and ax work where there are no hard links', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer({ stateDir: join(nodes.root, 's') })]
  const link = fs.linkSync
  let refused = 0
  // As FUSE and vfat have it. All else is real.
  fs.linkSync = () => {
    refused++
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' })
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.linkSync = link
    syncBuiltinESMExports()
  })
  for (const flags of ['wx', 'ax', 'wx+', 'ax+']) {
    await stream(producer, `s-${flags}`, flags)
    await file(producer, `f-${flags}`, flags)
    for (const name of [`s-${flags}`, `f-${flags}`]) {
      t.equal(readFileSync(join(nodes.produced, name), 'utf8'), 'new', name)
      t.equal(readFileSync(await consumer.consume(name), 'utf8'), 'new', name)
      await t.rejects(stream(producer, name, flags), { code: 'EEXIST' }, name)
    }
  }
  const [one, two] = ['one', 'two'].map((content) => stream(producer, 'raced', 'wx', content))
  const outcomes = await Promise.allSettled([one, two])
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'one of two is first')
  t.ok(refused > 8)
  t.notOk((await namesIn(nodes.produced)).some((name) => name.startsWith('.dyad-')))
})
