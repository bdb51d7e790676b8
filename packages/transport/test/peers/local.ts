import { serveTransportPeer } from '@dyad/core/conformance'
import { localTransport } from '../../src/index.js'

serveTransportPeer(() => localTransport())
