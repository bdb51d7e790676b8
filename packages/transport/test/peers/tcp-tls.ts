import { serveTransportPeer } from '@dyad-ts/core/conformance'
import { tcpTransport } from '../../src/index.js'

const { DYAD_TEST_CERT: cert = '', DYAD_TEST_KEY: key = '' } = process.env
serveTransportPeer(() => tcpTransport({ token: 'secret', tls: { cert, key }, ca: cert }))
