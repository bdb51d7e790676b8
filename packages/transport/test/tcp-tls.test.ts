import { transportConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { loopbackCertificate } from '../../../test/harness/certificate.js'
import { tcpTransport } from '../src/index.js'

const { key, cert } = loopbackCertificate()
// The peer process inherits the variables.
Object.assign(process.env, { DYAD_TEST_CERT: String(cert), DYAD_TEST_KEY: String(key) })

transportConformance(test, {
  create: () => tcpTransport({ token: 'secret', tls: { cert, key }, ca: cert }),
  peer: new URL('./peers/tcp-tls.ts', import.meta.url),
})
