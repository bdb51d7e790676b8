import { serveTransportPeer } from '@dyad-ts/core/conformance'
import { localTransport } from '../../src/index.js'
import { stateDirOf } from '../support/local-state.js'

serveTransportPeer(() => localTransport({ stateDir: stateDirOf(process.ppid) }))
