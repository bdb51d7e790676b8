import { serveTransportPeer } from '@dyad/core/conformance'
import { tcpTransport } from '../../src/index.js'

serveTransportPeer(() => tcpTransport({ token: 'secret' }))
