import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { askControl, controlPath, listControls, openControl } from '../src/index.js'
import { Fixture, kill } from './fixture.js'

t.test('a service answers commands of its host', async (t) => {
  await using fixture = await Fixture.make()
  const state = fixture.at('state')
  const path = controlPath(state, 'n1')
  t.same(await listControls(state), [], 'none yet')
  t.equal(await askControl(path, 'status'), undefined, 'nobody there')
  const words: string[] = []
  await using control = await openControl(state, 'n1', (word) => {
    words.push(word)
    return { word }
  })
  t.same(await askControl(path, 'status'), { word: 'status' })
  t.same(await listControls(state), [path])
  const held = askControl(path, 'stop', { untilClosed: true })
  // Answers come in the order of the questions, so the first one is there by then.
  for (let turn = 0; turn < 5; turn++) t.same(await askControl(path, 'more'), { word: 'more' })
  t.equal(await Promise.race([held, Promise.resolve('held back')]), 'held back')
  await control.close()
  t.same(await held, { word: 'stop' }, 'the answer came when it had gone')
  t.equal(await askControl(path, 'status'), undefined)
  t.same(await readdir(`${state}/services`), [], 'the socket is gone')
})

t.test('two services of one node on one host: the second is refused', async (t) => {
  await using fixture = await Fixture.make()
  const state = fixture.at('state')
  await using _first = await openControl(state, 'n1', () => 1)
  await t.rejects(
    openControl(state, 'n1', () => 2),
    { code: 'ERR_DYAD_NODE_TAKEN', node: 'n1' },
  )
  t.equal(await askControl(controlPath(state, 'n1'), 'status'), 1, 'the first goes on')
  await using _other = await openControl(state, 'n2', () => 2)
  t.equal(await askControl(controlPath(state, 'n2'), 'status'), 2, 'another node has its own')
})

t.test('the socket of a service that was killed is no obstacle', async (t) => {
  await using fixture = await Fixture.make()
  await kill(await fixture.service('n1', 60_000))
  const path = controlPath(fixture.at('state'), 'n1')
  t.same(await listControls(fixture.at('state')), [path], 'it is still there')
  t.equal(await askControl(path, 'status'), undefined, 'and nobody behind it')
  await using _control = await openControl(fixture.at('state'), 'n1', () => 'anew')
  t.equal(await askControl(path, 'status'), 'anew')
})

t.test('a service that does not answer is named, with its process, also when its note is lost', async (t) => {
  await using fixture = await Fixture.make()
  const state = fixture.at('state')
  const frozen = await fixture.service('n1', 60_000)
  const path = controlPath(state, 'n1')
  frozen.kill('SIGSTOP')
  const asked = () => askControl(path, 'status', { timeout: 200 })
  const named = new RegExp(`process ${frozen.pid} did not answer in 200 ms; .kill -9 ${frozen.pid}. ends it`)
  await t.rejects(asked(), { code: 'ERR_DYAD_SILENT', node: 'n1', message: named })
  await rm(path.replace('.sock', '.json'))
  if (process.platform === 'linux') {
    await t.rejects(asked(), { code: 'ERR_DYAD_SILENT', node: undefined, path, message: named }, 'the kernel knows it')
  }
  const answer = { node: 'n2', pid: 54_321 }
  await using _ending = await openControl(state, 'n2', () => answer)
  const ending = controlPath(state, 'n2')
  await rm(ending.replace('.sock', '.json'))
  const stopped = askControl(ending, 'stop', { untilClosed: true, timeout: 200 })
  const expected = { code: 'ERR_DYAD_SILENT', node: 'n2', message: /process 54321 began to end/ }
  await t.rejects(stopped, expected, 'it has said who it is')
  await using _store = await openControl(state, '\x01broker 1', () => undefined)
  const store = askControl(controlPath(state, '\x01broker 1'), 'stop', { untilClosed: true, timeout: 200 })
  await t.rejects(store, { code: 'ERR_DYAD_SILENT', node: /^broker 1$/ }, 'without what no terminal shows')
})

t.test('of services of one node that start at once, one does', async (t) => {
  await using fixture = await Fixture.make()
  const starting = Array.from({ length: 4 }, (_, i) => openControl(fixture.at('state'), 'n1', () => i))
  const started = await Promise.allSettled(starting)
  const [first] = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const refused = started.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
  t.same(refused, Array(3).fill('ERR_DYAD_NODE_TAKEN'))
  t.type(await askControl(controlPath(fixture.at('state'), 'n1'), 'status'), 'number', 'it answers')
  await first?.close()
})

t.test('a start that is frozen is named, and once it is killed it is no obstacle', async (t) => {
  await using fixture = await Fixture.make()
  const path = controlPath(fixture.at('state'), 'n1')
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await chmod(fixture.at('state'), 0o700)
  // It takes the listener for a service that hangs, and waits for its answer.
  const silent = createServer(() => {}).listen(path)
  const service = fixture.service('n1', 60_000)
  service.catch(() => {})
  const [socket] = await once(silent, 'connection')
  const [child] = fixture.children as [ChildProcess]
  child.kill('SIGSTOP')
  socket.destroy()
  await new Promise((resolve) => silent.close(resolve))
  await t.rejects(
    openControl(fixture.at('state'), 'n1', () => 1),
    {
      code: 'ERR_DYAD_NODE_TAKEN',
      node: 'n1',
      detail: new RegExp(`^process ${child.pid} on host .* end that process`),
    },
  )
  await kill(child)
  await using _control = await openControl(fixture.at('state'), 'n1', () => 'anew')
  t.equal(await askControl(path, 'status'), 'anew')
})

t.test('a control socket whose owner cannot be noted is closed again', async (t) => {
  await using fixture = await Fixture.make()
  const path = controlPath(fixture.at('state'), 'n1')
  const note = path.replace(/sock$/, 'json')
  await mkdir(note, { recursive: true, mode: 0o700 })
  for (const folder of [dirname(path), fixture.at('state')]) await chmod(folder, 0o700)
  await t.rejects(
    openControl(fixture.at('state'), 'n1', () => 1),
    { code: 'ERR_DYAD_SYSTEM', node: 'n1', path: note },
  )
  t.equal(await askControl(path, 'status'), undefined, 'nobody listens')
  await rmdir(note)
  await using _control = await openControl(fixture.at('state'), 'n1', () => 'anew')
  t.equal(await askControl(path, 'status'), 'anew')
})

t.test('garbage and half words end their own connection and nothing else', async (t) => {
  await using fixture = await Fixture.make()
  const path = controlPath(fixture.at('state'), 'n1')
  await using control = await openControl(fixture.at('state'), 'n1', (word) => (word === 'status' ? 'well' : undefined))
  const half = connect(path)
  half.on('error', () => {})
  half.write('stat')
  for (const garbage of [Buffer.alloc(1024 * 1024, 0xff), Buffer.from('x'.repeat(65))]) {
    const socket = connect(path)
    socket.on('error', () => {})
    const ended = new Promise((resolve) => socket.on('close', resolve))
    socket.write(garbage)
    await ended
  }
  const unknown = connect(path)
  unknown.write('\u0000\n')
  unknown.once('data', () => unknown.end())
  t.equal(await text(unknown), 'null\n', 'an unknown word')
  t.equal(await askControl(path, 'status'), 'well')
  const ended = once(half, 'close')
  await control.close()
  await ended
  t.pass('closing ends who still waits')
})

t.test('what answers is not trusted', async (t) => {
  await using fixture = await Fixture.make()
  const path = fixture.at('sock')
  const answers = [Buffer.from('not json\n'), Buffer.alloc(2 * 1024 * 1024, 'x')]
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.resume()
    const answer = answers.shift()
    if (answer !== undefined) socket.write(answer)
  }).listen(path)
  await once(server, 'listening')
  await t.rejects(askControl(path, 'status'), { code: 'ERR_DYAD_PROTOCOL' }, 'no JSON')
  await t.rejects(askControl(path, 'status'), { code: 'ERR_DYAD_PROTOCOL' }, 'too long')
  const abort = new AbortController()
  const silent = askControl(path, 'status', { signal: abort.signal })
  abort.abort(new Error('enough'))
  await t.rejects(silent, { message: 'enough' }, 'no answer')
  await new Promise((resolve) => server.close(resolve))
})

t.test('a service that others could have made is not asked', async (t) => {
  await using fixture = await Fixture.make()
  const path = controlPath(fixture.at('state'), 'n1')
  await using _control = await openControl(fixture.at('state'), 'n1', () => 'an answer')
  t.equal(await askControl(path, 'status'), 'an answer')
  await chmod(dirname(path), 0o777)
  await t.rejects(askControl(path, 'status'), { code: 'ERR_DYAD_OPTION', message: /DYAD_STATE_DIR/ })
  await chmod(dirname(path), 0o700)
  if (process.getuid?.() === 0) {
    await chown(dirname(path), 65_534, 65_534)
    await t.rejects(askControl(path, 'status'), { code: 'ERR_DYAD_OPTION' })
  }
})

t.test('a directory for state that cannot be used is refused', async (t) => {
  await using fixture = await Fixture.make()
  await mkdir(fixture.at('open'))
  await t.rejects(
    openControl(fixture.at('x'.repeat(100)), 'n1', () => 1),
    { code: 'ERR_DYAD_OPTION' },
    'too long',
  )
  await chmod(fixture.at('open'), 0o777)
  await t.rejects(
    openControl(fixture.at('open'), 'n1', () => 1),
    { code: 'ERR_DYAD_OPTION' },
    'others can write to it',
  )
})

t.test('a disk without room for the note of a service is an error, and nothing is left', async (t) => {
  await using fixture = await Fixture.make()
  const state = fixture.at('state')
  const source = new URL('../src/index.ts', import.meta.url).href
  const program = `
    // The signal would end Node 20.
    process.on('SIGXFSZ', () => {})
    const { openControl } = await import(${JSON.stringify(source)})
    await openControl(${JSON.stringify(state)}, 'n1', () => 1).catch(({ code, path }) => console.log(code, path))`
  // A process that may write no byte to any file simulates a full disk.
  const limited = [
    '-c',
    'trap "" XFSZ; ulimit -f 0; exec "$@"',
    'sh',
    process.execPath,
    '--import=tsx',
    '--input-type=module',
    '-e',
  ]
  const env = { ...process.env, NODE_OPTIONS: '', TSX_DISABLE_CACHE: '1' }
  const told = execFileSync('sh', [...limited, program], { encoding: 'utf8', env })
  t.equal(told.trim(), `ERR_DYAD_SYSTEM ${controlPath(state, 'n1').replace(/sock$/, 'json')}`)
  t.same(await readdir(`${state}/services`), [])
})
