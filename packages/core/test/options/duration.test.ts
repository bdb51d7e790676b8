import t from 'tap'
import { readConfig } from '../../src/options/config.js'
import { durationText, readDuration } from '../../src/options/duration.js'
import { LONGEST_MS } from '../../src/options/given-number.js'

t.test('a duration has a unit, and a bare number is in ms', (t) => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['30s', 30_000],
    ['1.1s', 1_100],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
    ['0s', 0],
    ['250', 250],
    ['1e3', 1_000],
    ['Infinity', Number.POSITIVE_INFINITY],
  ] as const) {
    t.equal(readDuration(text), ms, text)
  }
  t.end()
})

t.test('anything else is no duration', (t) => {
  for (const text of ['', '30x', 's', '-1s', '1 s', '30S', '1h30m', '1e3s', '.5s', '0x1s', 'NaN', 'soon', '١s']) {
    t.throws(() => readDuration(text), /no duration such as 250ms, 30s, 5m/, text)
  }
  for (const text of ['0.1ms', '1.5', '0.0001s'])
    t.throws(() => readDuration(text), /no whole number of milliseconds/, text)
  t.end()
})

t.test('a duration is written so that it is read as it was', (t) => {
  for (const [ms, text] of [
    [0, '0'],
    [250, '250ms'],
    [30_000, '30s'],
    [90_000, '90s'],
    [300_000, '5m'],
    [86_400_000, '1d'],
  ] as const) {
    t.equal(durationText(ms), text)
    t.equal(readDuration(text), ms)
  }
  t.end()
})

t.test('variables and programs give durations with units', (t) => {
  t.equal(readConfig({}, { DYAD_TIMEOUT: '1.5h' }).timeout, 5_400_000)
  t.equal(readConfig({}, { DYAD_RDMA_BUSY_POLL: '1s' }).rdmaBusyPoll, 1_000)
  t.equal(readConfig({ kvsTimeout: '2s' }, { DYAD_KVS_TIMEOUT: '1s' }).kvsTimeout, 2_000)
  t.equal(readConfig({ timeout: '90d' }, {}).timeout, LONGEST_MS, 'more than a timer takes is for ever')
  const refusals: [Parameters<typeof readConfig>[0], NodeJS.ProcessEnv, RegExp][] = [
    [{}, { DYAD_TIMEOUT: '30x' }, /DYAD_TIMEOUT.*"30x" is no duration such as 250ms, 30s/],
    [{}, { DYAD_LEASE_TTL: '99ms' }, /DYAD_LEASE_TTL.*"99ms" is less than 100 ms/],
    [{}, { DYAD_RDMA_BUSY_POLL: '61s' }, /"61s" is more than 60000 ms/],
    // @ts-expect-error a bare number is a number
    [{ timeout: '30' }, {}, /timeout.*"30".*string/],
  ]
  for (const [given, env, message] of refusals) {
    t.throws(() => readConfig(given, env), { code: 'ERR_DYAD_OPTION', message })
  }
  t.end()
})
