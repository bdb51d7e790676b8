import { serveTransportPeer } from '@dyad-ts/core/conformance'
import { tcpTransport } from '../../src/index.js'

serveTransportPeer(() => tcpTransport({ token: 'secret' }))
