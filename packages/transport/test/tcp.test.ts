import { transportConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { tcpTransport } from '../src/index.js'

transportConformance(test, {
  create: () => tcpTransport({ token: 'secret' }),
  peer: new URL('./peers/tcp.ts', import.meta.url),
})
