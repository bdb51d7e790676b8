import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { connect } from '../../src/index.js'

test('a session works once its directories can be used, whatever was in their place before', async (t) => {
  const root = t.testdir({ prod: 'a file', cons: 'a file' })
  await using session = await connect({
    kvs: 'memory:',
    namespace: 'places',
    node: 'places',
    producerPath: `${root}/prod`,
    consumerPath: `${root}/cons`,
    stateDir: `${root}/state`,
    dtlMode: 'local',
  })
  for (let time = 0; time < 2; time++) {
    await t.rejects(session.produce('x'), { code: 'ERR_DYAD_SYSTEM', path: `${root}/prod` })
    await t.rejects(session.open('x', 'w'), { code: 'ERR_DYAD_SYSTEM', path: `${root}/prod` })
    await t.rejects(session.consume('x', { timeout: 1 }), { code: 'ERR_DYAD_SYSTEM', path: `${root}/cons` })
    await t.rejects(session.prefetch(['x']), { code: 'ERR_DYAD_SYSTEM', path: `${root}/cons` })
  }
  await Promise.all([rm(`${root}/prod`), rm(`${root}/cons`)])
  await mkdir(`${root}/prod`)
  await writeFile(`${root}/prod/x`, 'it came')
  await session.produce('x')
  t.equal(await readFile(await session.consume('x'), 'utf8'), 'it came')
})

test('so it is where the directory for state is taken away and given back', async (t) => {
  const root = t.testdir({ prod: { x: 'it came' } })
  await using session = await connect({
    kvs: 'memory:',
    namespace: 'places',
    producerPath: `${root}/prod`,
    consumerPath: `${root}/cons`,
    stateDir: `${root}/state`,
  })
  await session.produce('x')
  await rename(`${root}/state`, `${root}/away`)
  await writeFile(`${root}/state`, 'a file')
  await t.rejects(session.consume('x'), { code: 'ERR_DYAD_OPTION', path: `${root}/state` })
  await rm(`${root}/state`)
  t.equal(await readFile(await session.consume('x'), 'utf8'), 'it came')
})

test('a session outlives its directory for state, which systems remove at a logout', async (t) => {
  const root = t.testdir({ prod: {} })
  const stateDir = `${root}/state`
  await using session = await connect({
    kvs: 'memory:',
    namespace: 'places',
    producerPath: `${root}/prod`,
    consumerPath: `${root}/cons`,
    stateDir,
  })
  for (const [round, content] of ['1', '22', '333', '4444'].entries()) {
    await writeFile(`${root}/prod/x`, content)
    await session.produce('x')
    // Replacing a file takes a lock, so the second round takes the first one.
    if (round > 1) await rm(stateDir, { recursive: true })
    t.equal(await readFile(await session.consume('x'), 'utf8'), content)
    t.equal((await stat(stateDir)).mode & 0o077, 0, 'nobody else can look into it')
  }
})

test('a session that consumes fails at its beginning where the directory for state cannot be used', async (t) => {
  const root = t.testdir({ state: 'a file' })
  const options = { kvs: 'memory:', namespace: 'places', stateDir: `${root}/state` }
  await t.rejects(connect({ ...options, consumerPath: `${root}/cons` }), {
    code: 'ERR_DYAD_OPTION',
    path: `${root}/state`,
    message: /Set it to a directory of your own/,
  })
  await using session = await connect({ ...options, producerPath: `${root}/prod` })
  t.ok(session, 'one that produces needs none')
})
