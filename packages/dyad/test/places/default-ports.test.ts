import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'tap'
import { makeCertificate } from '../../../../test/harness/certificate.js'
import { connect, isDyadError, start } from '../../src/index.js'

/** An address of loopback that no other test uses. */
const HOST = '127.80.44.3'

test('stores have the ports of http and https as any other', async (t) => {
  // The path of a socket in it must be short.
  const root = mkdtempSync(`${tmpdir()}/dyad-ports-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  const { tlsKey, tlsCert } = makeCertificate(root, HOST)
  for (const scheme of ['ws', 'wss']) {
    const tls = scheme === 'wss' ? { tlsKey, tlsCert, tlsCa: tlsCert } : {}
    for (const port of [80, 443]) {
      const kvs = `${scheme}://${HOST}:${port}`
      const options = { ...tls, kvs, namespace: 'ports', host: HOST, node: 'P', stateDir: `${root}/state` }
      const node = await start({ ...options, broker: true }).catch((error) => {
        if (isDyadError(error, 'ERR_DYAD_BIND') && /EACCES/.test(error.message)) return undefined
        throw error
      })
      if (node === undefined) {
        t.pass('not tried: ports below 1024 are not for this user')
        continue
      }
      await using _ = node
      t.equal(node.status.kvs, kvs)
      await using session = await connect({ ...options, producerPath: `${root}/prod` })
      await using file = await session.open('x', 'w')
      await file.writeFile(kvs)
      await file.close()
      t.equal(file.record?.path, 'x', kvs)
    }
  }
})
