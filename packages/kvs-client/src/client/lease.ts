import type { Lease, LeaseOptions } from '@dyad-ts/core'
import { LEASE_MS } from '../broker/frames.js'
import { call, unexpected } from './call.js'
import type { Connection } from './connection.js'
import type { HeldLease } from './held-lease.js'

/** Asks for the record of `key`, with a lease on it. */
export function lease(
  connection: Connection,
  space: string,
  key: string,
  options: LeaseOptions | undefined,
): Promise<Lease | undefined> {
  const { signal, wait = false, background } = options ?? {}
  let held: HeldLease | undefined
  let asked = 0
  const asking = call<Lease | undefined>(
    connection,
    { op: wait ? 'wait-lease' : 'lease', id: 0, space, key },
    {
      signal,
      background,
      patient: wait,
      begun(id) {
        held = connection.leases.begin(id, space, key)
      },
      // It counts from the last request: answers to earlier ones were lost with their link.
      sending() {
        asked = performance.now()
      },
      result(reply) {
        if (held === undefined || (reply.op === 'none' && !wait)) return undefined
        if (reply.op !== 'leased' && reply.op !== 'entry') throw unexpected(reply)
        const entry = { key, value: reply.value, revision: reply.revision, epoch: reply.epoch }
        if (reply.op === 'leased') connection.leases.given(held, entry, asked + LEASE_MS)
        else held.entry = entry
        return held
      },
    },
  )
  const settle = () => {
    if (held !== undefined && !held.valid) connection.leases.forget(held)
  }
  asking.then(settle, settle)
  return asking
}
