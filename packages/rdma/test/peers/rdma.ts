import { serveTransportPeer } from '@dyad/core/conformance'
import { rdmaTransport } from '../../src/index.js'

serveTransportPeer(() => rdmaTransport({ token: 'secret' }))
