import { test } from 'tap'
import { OPTIONS, type OptionName, readConfig, readOption } from '../../src/options/config.js'
import { DTL_MODES } from '../../src/options/dtl-modes.js'

test('the program wins over the environment, the environment over the default', async (t) => {
  t.equal(readConfig({}, {}).timeout, 0)
  t.equal(readConfig({}, { DYAD_TIMEOUT: '50' }).timeout, 50)
  t.equal(readConfig({ timeout: 7 }, { DYAD_TIMEOUT: '50' }).timeout, 7)
  t.equal(readConfig({ timeout: undefined }, { DYAD_TIMEOUT: '50' }).timeout, 50)
  t.strictSame(readOption('timeout', {}, { DYAD_TIMEOUT: '' }), { value: 0, origin: 'default' }, 'empty is not set')
})

test('a relative directory is what it was when it was configured', async (t) => {
  const root = t.testdir({ elsewhere: {} })
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(root)
  const config = readConfig({ producerPath: 'prod', stateDir: 'state' }, { DYAD_PATH_CONSUMER: './x/../cons' })
  process.chdir('elsewhere')
  t.match(config, { producerPath: `${root}/prod`, consumerPath: `${root}/cons`, stateDir: `${root}/state` })
  t.equal(readConfig({}, { DYAD_PATH_PRODUCER: '' }).producerPath, undefined, 'empty is not set')
})

test('booleans are off for every word that says so, unlike in C', async (t) => {
  for (const word of ['0', 'false', 'no', 'off', '', 'FALSE', ' 0 ']) {
    t.equal(readConfig({}, { DYAD_PATH_RELATIVE: word, DYAD_SHARED_STORAGE: word }).relative, false, `'${word}'`)
    t.equal(readConfig({}, { DYAD_SHARED_STORAGE: word }).sharedStorage, false, `'${word}'`)
  }
  for (const word of ['1', 'true', 'yes', 'on', 'TRUE'])
    t.equal(readConfig({}, { DYAD_SHARED_STORAGE: word }).sharedStorage, true)
  t.throws(() => readConfig({}, { DYAD_SHARED_STORAGE: 'maybe' }), { code: 'ERR_DYAD_OPTION' })
})

test('transports go by their exact names', async (t) => {
  for (const [name, mode] of Object.entries(DTL_MODES)) t.equal(readConfig({}, { DYAD_DTL_MODE: name }).dtlMode, mode)
  for (const name of ['U', 'UC', 'ucx', 'UCX_AUTO', 'Rpc', 'FLUX', 'toString', '__proto__']) {
    t.throws(() => readConfig({}, { DYAD_DTL_MODE: name }), { code: 'ERR_DYAD_DTL_MODE', rc: -1004 }, name)
  }
})

test('values out of bounds are refused with what is accepted', async (t) => {
  const bad: [OptionName, string][] = [
    ['keyDepth', '21'],
    ['keyDepth', '-1'],
    ['keyDepth', '2.5'],
    ['keyDepth', 'three'],
    ['keyBins', '0'],
    ['keyBins', '1e99'],
    ['timeout', '1.5'],
    ['timeout', 'NaN'],
    ['timeout', '-1'],
    ['ownerTimeout', '0'],
    ['timeout', ' '],
    ['kvs', 'http://x:1'],
    ['kvs', 'ws://host'],
    ['kvs', 'ws://a b:1'],
    ['node', 'a\nb'],
    ['node', 'x'.repeat(256)],
  ]
  for (const [name, value] of bad) {
    const { env, accepts } = OPTIONS[name]
    t.throws(() => readConfig({}, { [env]: value }), { code: 'ERR_DYAD_OPTION', message: accepts }, `${env}=${value}`)
  }
})

test("a program's values are checked as well", async (t) => {
  t.throws(() => readConfig({ keyDepth: 99 }), { code: 'ERR_DYAD_OPTION' })
  t.throws(() => readConfig({ keyDepth: '3' as unknown as number }), { code: 'ERR_DYAD_OPTION' }, 'of the wrong type')
  t.throws(() => readConfig({ sharedStorage: 1 as unknown as boolean }), { code: 'ERR_DYAD_OPTION' })
  t.throws(() => readConfig({ producerPath: {} as unknown as string }), { code: 'ERR_DYAD_OPTION' })
  t.throws(
    () => readConfig({ nameSpace: 'x' } as never),
    { code: 'ERR_DYAD_OPTION', message: /nameSpace/ },
    'and unknown names',
  )
})

test('no error shows a token', async (t) => {
  for (const token of [12_345_678, true, { secret: 12_345_678 }, ['12345678'], 12_345_678n]) {
    const given = { token } as unknown as { token: string }
    t.throws(() => readConfig(given, {}), { code: 'ERR_DYAD_OPTION', message: /: token \(/ }, typeof token)
    try {
      readConfig(given, {})
    } catch (error) {
      t.notMatch((error as Error).message, /12345678|true/)
    }
  }
})

test('every variable of DYAD is known', async (t) => {
  const known = new Set(Object.values(OPTIONS).map(({ env }) => env))
  for (const name of [
    'PATH_PRODUCER',
    'PATH_CONSUMER',
    'PATH_RELATIVE',
    'KVS_NAMESPACE',
    'DTL_MODE',
    'SHARED_STORAGE',
    'ASYNC_PUBLISH',
    'FSYNC_WRITE',
    'SERVICE_MUX',
    'KEY_DEPTH',
    'KEY_BINS',
    'SYNC_DEBUG',
    'SYNC_CHECK',
    'REINIT',
    'MARGO_PROTO',
  ]) {
    t.ok(known.has(`DYAD_${name}`), name)
  }
})

test('a variable that is no option is warned of once', async (t) => {
  const warnings: string[] = []
  const heard = (warning: Error & { code?: string }) => {
    if (warning.code === 'DYAD_UNKNOWN_VARIABLE') warnings.push(warning.message)
  }
  process.on('warning', heard)
  t.teardown(() => process.off('warning', heard))
  const env = {
    DYAD_PATH_PRODUCR: '/tmp/x',
    DYAD_COLOUR: 'blue',
    DYAD_SYNC_HEALTH: 'ok',
    DYAD_NODE: 'n',
    DYAD_STAT: 'plain',
    DYAD_RUN: '7',
    MY_DYAD_X: '',
  }
  readConfig({}, env)
  readConfig({}, env)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(warnings.length, 2)
  t.match(warnings, [/"DYAD_PATH_PRODUCR"/, /"DYAD_COLOUR"/])
})
