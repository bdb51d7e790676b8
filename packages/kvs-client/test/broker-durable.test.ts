import { kvsConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { brokerSite } from './broker-process.js'

kvsConformance(test, {
  open: () => brokerSite(true),
  capabilities: { durable: true, crossProcess: true, leases: true, readLeases: true },
})
