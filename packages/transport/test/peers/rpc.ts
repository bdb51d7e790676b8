import { serveTransportPeer } from '@dyad/core/conformance'
import { rpcTransport } from '../../src/index.js'

serveTransportPeer(() => rpcTransport({ token: 'secret' }))
