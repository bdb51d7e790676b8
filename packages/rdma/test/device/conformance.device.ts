import { transportConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'

transportConformance(test, {
  create: () => rdmaTransport({ token: 'secret' }),
  peer: new URL('../peers/rdma.ts', import.meta.url),
})
