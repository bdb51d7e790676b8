import { serveTransportPeer } from '@dyad-ts/core/conformance'
import { rdmaTransport } from '../../src/index.js'

serveTransportPeer(() => rdmaTransport({ token: 'secret' }))
