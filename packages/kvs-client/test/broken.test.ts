import { brokenKvs, kvsConformance } from '@dyad-ts/core/conformance'
import { test } from 'tap'
import { memorySite } from './memory-site.js'

const DECLARED = { durable: false, crossProcess: false, leases: false, readLeases: true }

for (const { fault, clause, capabilities, breaks } of brokenKvs()) {
  test(`the suite rejects a store of which ${fault}`, async (t) => {
    let body: (() => Promise<void>) | undefined
    const record = (name: string, run: () => Promise<void>) => {
      if (name === `in one process: ${clause}`) body = run
    }
    kvsConformance(record, {
      async open() {
        const site = memorySite()
        return { ...site, crash: () => {}, client: async () => breaks(await site.client()) }
      },
      capabilities: { ...DECLARED, ...capabilities },
      patience: 4_000,
    })
    t.ok(body, 'the clause exists')
    await t.rejects(body?.() ?? Promise.resolve())
  })
}
