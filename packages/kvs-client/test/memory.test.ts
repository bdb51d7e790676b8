import { kvsConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { memorySite } from './memory-site.js'

kvsConformance(test, {
  open: memorySite,
  capabilities: { durable: false, crossProcess: false, leases: false, readLeases: true },
})
