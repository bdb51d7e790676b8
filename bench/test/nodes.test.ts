import { DyadError } from '@dyad-ts/core'
import { connect } from '@dyad-ts/dyad'
import { test } from 'tap'
import { asNotAvailable } from '../nodes.js'

test('what this DYAD or this host lacks is not available', async (t) => {
  const noDevice = new DyadError('ERR_DYAD_RDMA_UNAVAILABLE', { detail: 'there is no device' })
  t.throws(() => asNotAvailable(noDevice), { name: 'NotAvailable', message: noDevice.message })
  // As they come out of other processes.
  const unknownMode: object = { dtlMode: 'pigeon' }
  await t.rejects(connect(unknownMode).catch(asNotAvailable), {
    name: 'NotAvailable',
    message: "this DYAD has no transport 'pigeon' yet",
  })
  const unknown: object = { pigeons: 2 }
  await t.rejects(connect(unknown).catch(asNotAvailable), {
    name: 'NotAvailable',
    message: "this DYAD has no option 'pigeons' yet",
  })
})

test('everything else is a failure', async (t) => {
  await t.rejects(connect({ keyDepth: -1 }).catch(asNotAvailable), { code: 'ERR_DYAD_OPTION' })
  const error = new Error('wrong bytes')
  t.throws(() => asNotAvailable(error), error)
})
