import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DyadCore } from '@dyad-ts/core'
import t from 'tap'
import { DyadFile, DyadReadStream, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'

const run = promisify(execFile)

t.test('a relative path without its managed directory is an error, and no file beside the program', async (t) => {
  await using nodes = await TwoNodes.open()
  const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  const cwd = join(nodes.root, 'cwd')
  await mkdir(cwd)
  process.chdir(cwd)
  await writeFile('x', 'not managed')
  const untracked = { code: 'ERR_DYAD_UNTRACKED', message: /no (producer|consumer)-managed directory is set/ }
  const outside = { code: 'ERR_DYAD_UNTRACKED', message: /leads out of the directory/ }
  for (const flags of ['w', 'wx', 'a', 'r+'] as const) {
    await t.rejects(finished(new DyadWriteStream(consumer, 'x', { flags }).end('lost')), untracked, `writing ${flags}`)
    await t.rejects(finished(new DyadWriteStream(producer, '../x', { flags }).end('lost')), outside, `out, ${flags}`)
  }
  for (const flags of ['w', 'wx', 'a', 'r+', 'w+', 'wx+', 'a+'] as const) {
    const open = (core: DyadCore, path: string) => DyadFile.open(core, path, flags, undefined, { timeout: 1_000 })
    await t.rejects(open(consumer, 'x'), untracked, `DyadFile ${flags}`)
    await t.rejects(open(producer, '../x'), outside, `DyadFile out, ${flags}`)
  }
  for (const flags of ['r', 'a+', 'w+'] as const) {
    await t.rejects(finished(new DyadReadStream(producer, 'x', { flags }).resume()), untracked, `reading ${flags}`)
    await t.rejects(
      finished(new DyadReadStream(consumer, '../x', { flags }).resume()),
      outside,
      `reading out, ${flags}`,
    )
  }
  await t.rejects(DyadFile.open(producer, 'x', 'r'), untracked, 'DyadFile r')
  t.same(await readdir(cwd), ['x'], 'nothing was written')

  const plain = new DyadWriteStream(producer, join(cwd, 'y'))
  await finished(plain.end('as node:fs would'))
  t.same((await readdir(cwd)).sort(), ['x', 'y'], 'an absolute path outside is opened as node:fs would')
  const loose = await nodes.node('l', { producerPath: join(nodes.root, 'l'), relative: false })
  await finished(new DyadWriteStream(loose, 'z').end('the same'))
  t.same(
    (await readdir(cwd)).sort(),
    ['x', 'y', 'z'],
    'and so is one below the working directory, if that is asked for',
  )
})

t.test('streams publish and wait although a library has replaced those of node:fs', async (t) => {
  const program = fileURLToPath(new URL('./graceful-program.ts', import.meta.url))
  for (const order of ['before', 'synced', 'after']) {
    const { stdout } = await run(process.execPath, ['--import=tsx', program, order])
    t.same(JSON.parse(stdout), { isReplaced: true, published: 5, text: 'hello', lines: ['hello'] }, `replaced ${order}`)
  }
})

t.test('a reader fails at once where no file can come to stand', async (t) => {
  await using nodes = await TwoNodes.open()
  const consumer = await nodes.consumer()
  await consumer.locateConsumed('x')
  await mkdir(join(nodes.consumed, 'directory'))
  await writeFile(join(nodes.consumed, 'file'), '')
  for (const path of ['directory', 'file/below']) {
    const seen: string[] = []
    const stream = new DyadReadStream(consumer, path)
    stream.on('waiting', () => seen.push('waiting'))
    await t.rejects(finished(stream.resume()), { code: 'ERR_DYAD_STORE', path, message: /EISDIR|ENOTDIR/ }, path)
    t.same(seen, [], 'without a word of waiting')
    await t.rejects(consumer.consume(path), { code: 'ERR_DYAD_STORE' }, `consume ${path}`)
    await t.rejects(DyadFile.open(consumer, path), { code: 'ERR_DYAD_STORE' }, `DyadFile ${path}`)
  }
  for (const path of ['x/', 'x/.', 'x//', 'file/', 'a'.repeat(256)]) {
    await t.rejects(finished(new DyadReadStream(consumer, path).resume()), { code: 'ERR_DYAD_PATH' }, path.slice(0, 20))
  }
  t.equal(await nodes.waiters(), 0)
})

t.test("a writer refuses a directory's path, and leaves the file of that name alone", async (t) => {
  await using nodes = await TwoNodes.open()
  const producer = await nodes.producer()
  await finished(new DyadWriteStream(producer, 'x').end('kept'))
  const { generation } = await producer.lookup('x')
  for (const path of ['x/', 'x/.', join(nodes.produced, 'x/'), 'x/y/..'])
    await t.rejects(finished(new DyadWriteStream(producer, path).end('lost')), { code: 'ERR_DYAD_PATH' }, path)
  t.match(await producer.lookup('x'), { generation, size: 4 })
})
