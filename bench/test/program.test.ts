import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { Program } from '../program.js'

const skip = spawnSync('cc', ['--version']).status !== 0 && 'there is no C compiler (cc)'

/** Compiles the program that makes files and reads them; starts it in a new directory. */
function compiled(t: Test) {
  const root = t.testdir()
  const program = `${root}/files`
  execFileSync('cc', ['-std=c11', '-O2', '-o', program, fileURLToPath(new URL('../programs/files.c', import.meta.url))])
  const start = async (work: string, count: number, bytes: number) => {
    const args = [work, root, 'group', String(count), String(bytes)]
    const running = await Program.start(program, args, { env: {}, signal: new AbortController().signal })
    t.teardown(() => running[Symbol.asyncDispose]())
    return running
  }
  const run = async (work: string, count: number, bytes: number) => {
    const running = await start(work, count, bytes)
    running.go()
    const began = await running.time()
    const ended = await running.time()
    await running.end()
    return ended - began
  }
  return { start, run, path: (number: number) => `${root}/group/frame-${String(number).padStart(6, '0')}.dat` }
}

test('a program reads what another has made, and tells how long it took', { skip }, async (t) => {
  const { run, path } = compiled(t)
  for (const bytes of [0, 40, 300_000]) {
    t.ok((await run('produce', 3, bytes)) > 0)
    t.equal(readFileSync(path(3)).length, bytes)
    t.ok((await run('consume', 3, bytes)) > 0)
  }
  t.notOk(readFileSync(path(1)).equals(readFileSync(path(2))), 'bytes follow from the name')
})

test('a program fails at a byte that is wrong, missing or too many', { skip }, async (t) => {
  const { run, path } = compiled(t)
  const BYTES = 300_000
  const spoilt = async (spoil: (file: string) => void, message: RegExp) => {
    await run('produce', 2, BYTES)
    spoil(path(2))
    await t.rejects(run('consume', 2, BYTES), { message })
  }
  await spoilt((file) => {
    const bytes = readFileSync(file)
    bytes[BYTES - 1] = ~(bytes[BYTES - 1] as number)
    writeFileSync(file, bytes)
  }, /frame-000002\.dat: wrong bytes at 262144/)
  await spoilt((file) => truncateSync(file, BYTES - 1), /wrong bytes at 262144/)
  await spoilt((file) => appendFileSync(file, 'x'), /frame-000002\.dat: more than 300000 bytes/)
  await spoilt((file) => writeFileSync(file, readFileSync(path(1))), /wrong bytes at 0/)
})

test('a program makes files one by one, each when it is sent a line', { skip }, async (t) => {
  const { start, path } = compiled(t)
  const producer = await start('produce-each', 2, 40)
  producer.go()
  const closed: number[] = []
  for (const number of [1, 2]) {
    t.notOk(existsSync(path(number)))
    producer.go()
    closed.push(await producer.time())
    t.equal(readFileSync(path(number)).length, 40)
  }
  await producer.end()
  const consumer = await start('consume-each', 2, 40)
  consumer.go()
  for (const time of closed) {
    t.equal(await consumer.line(), 'open')
    t.ok((await consumer.time()) > time)
  }
  await consumer.end()
})

test('a program that cannot go on is told of, with what it says', { skip }, async (t) => {
  const { run } = compiled(t)
  await t.rejects(run('consume', 1, 40), { message: /ended \(1\): .*frame-000001\.dat: No such file or directory/ })
})

test('an abort kills a program, or ends its input', async (t) => {
  for (const endsItself of [false, true]) {
    const abort = new AbortController()
    const script = 'echo ready; cat; echo tidied; exit 3'
    const program = await Program.start('sh', ['-c', script], { env: {}, signal: abort.signal, endsItself })
    abort.abort()
    if (endsItself) t.equal(await program.line(), 'tidied')
    await t.rejects(program.line(), { message: endsItself ? /ended \(3\)/ : /ended \(SIGKILL\)/ })
    await program[Symbol.asyncDispose]()
  }
})
