import { transportConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { rpcTransport } from '../src/index.js'

transportConformance(test, {
  create: () => rpcTransport({ token: 'secret' }),
  peer: new URL('./peers/rpc.ts', import.meta.url),
})
