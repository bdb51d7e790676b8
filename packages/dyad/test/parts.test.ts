import { mkdirSync, writeFileSync } from 'node:fs'
import { readConfig } from '@dyad-ts/core'
import { test } from 'tap'
import { makeCertificate } from '../../../test/harness/certificate.js'
import { checkMode, openKvs, readTls } from '../src/parts.js'
import { double, NO_DEVICE } from './double.js'

test('the transport that was asked for must be there, and of use', async (t) => {
  const transports = [double('local'), double('rdma', { unavailable: NO_DEVICE }), double('tcp')]
  for (const mode of ['auto', 'local', 'tcp']) t.doesNotThrow(() => checkMode(mode, transports), mode)
  t.throws(() => checkMode('rdma', transports), NO_DEVICE)
  t.throws(() => checkMode('rpc', transports), {
    code: 'ERR_DYAD_DTL_MODE',
    detail: "'rpc' is none of local, rdma, tcp",
  })
})

test('a certificate, its key and what is trusted are refused by name if they are none', async (t) => {
  const root = t.testdir()
  const [one, other] = ['one', 'other'].map((name) => {
    mkdirSync(`${root}/${name}`)
    return makeCertificate(`${root}/${name}`, '127.0.0.1')
  })
  const none = `${root}/none`
  writeFileSync(none, 'no PEM')
  const configOf = (options: Record<string, string | undefined>) =>
    readConfig({ stateDir: root, kvs: 'wss://127.0.0.1:1', ...options }, {})
  const tls = (tlsCert?: string, tlsKey?: string) => readTls(configOf({ tlsCert, tlsKey }))
  t.ok(tls(one?.tlsCert, one?.tlsKey))
  for (const [cert, key] of [
    [one?.tlsCert, other?.tlsKey],
    [none, one?.tlsKey],
    [one?.tlsCert, none],
    [one?.tlsKey, one?.tlsCert],
  ]) {
    t.throws(() => tls(cert, key), {
      code: 'ERR_DYAD_OPTION',
      message: new RegExp(`tlsCert .*'${cert}' and tlsKey .*'${key}'.*no certificate`),
    })
  }
  t.throws(() => tls(one?.tlsCert), { code: 'ERR_DYAD_OPTION', message: /tlsKey \(DYAD_TLS_KEY\).*Set both/ })

  for (const tlsCa of [none, one?.tlsKey, `${root}/missing`, root]) {
    t.throws(() => openKvs(configOf({ tlsCa })), { code: 'ERR_DYAD_OPTION', path: tlsCa })
  }
  await openKvs(configOf({ tlsCa: one?.tlsCert })).close()
})
