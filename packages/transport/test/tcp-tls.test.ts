import { transportConformance } from '@dyad/core/conformance'
import { test } from 'tap'
import { tcpTransport } from '../src/index.js'
import { makeCertificate } from './support/certificate.js'

const { key, cert } = makeCertificate()
// A peer process inherits them.
Object.assign(process.env, { DYAD_TEST_CERT: String(cert), DYAD_TEST_KEY: String(key) })

transportConformance(test, {
  create: () => tcpTransport({ token: 'secret', tls: { cert, key }, ca: cert }),
  peer: new URL('./peers/tcp-tls.ts', import.meta.url),
})
