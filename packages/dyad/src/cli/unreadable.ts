import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad-ts/core'

const CHANNEL = 'dyad.kvs.unreadable' satisfies keyof Diagnostics

/** Calls `told` for each record that is skipped because it cannot be read, until disposed of. */
export function onUnreadable(told: (error: Error) => void): Disposable {
  const heard = (message: unknown) => told((message as Diagnostics[typeof CHANNEL]).error)
  subscribe(CHANNEL, heard)
  return { [Symbol.dispose]: () => void unsubscribe(CHANNEL, heard) }
}
