import { serveTransportPeer } from '@dyad-ts/core/conformance'
import { rpcTransport } from '../../src/index.js'

serveTransportPeer(() => rpcTransport({ token: 'secret' }))
